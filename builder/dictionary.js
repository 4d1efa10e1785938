// English texts to French ones: by the text itself or, when its values stand in it already, by its shape.

const BRACES = /\{(\w+)\}/g;
// Values that are words themselves and are translated too; any other is a name, a number or somebody's own text.
const WORDS = new Set(["what", "mend", "detail", "found", "source", "target", "thing"]);

/**
 * `translate(language, text, values)` over a catalogue: `{interface, runtime}`, English text to French text each.
 *
 * What the runtime says of an error arrives as a finished sentence. It is matched with the English texts of `runtime`
 * whose braces may stand for anything, those with the most words of their own first. Unknown texts stay as they are.
 */
export const dictionary = (catalogue) => {
  const french = new Map([...Object.entries(catalogue.interface), ...Object.entries(catalogue.runtime)]);
  const shapes = Object.keys(catalogue.runtime)
    .filter((text) => text.search(BRACES) >= 0)
    .map(shape)
    .sort((one, other) => other.own - one.own);

  const find = (text, values) => {
    if (french.has(text)) return [french.get(text), values];
    for (const { english, pattern } of shapes) {
      const match = pattern.exec(text);
      if (match) return [french.get(english), match.groups];
    }
    return [text, values];
  };

  const translate = (language, text, values = {}) => {
    const [template, given] = language === "fr" && text ? find(text, values) : [text || "", values];
    const filled = (name) => (WORDS.has(name) && typeof given[name] === "string" ? translate(language, given[name]) : given[name]);
    return template.replace(BRACES, (braces, name) => filled(name) ?? braces);
  };
  return translate;
};

/** own: how many characters of a text are its own. pattern: what a sentence looks like that was made of it. */
const shape = (english) => {
  const seen = new Set();
  const pieces = english.split(BRACES);
  const quoted = (index) => pieces[index - 1].endsWith("`") && pieces[index + 1].startsWith("`");
  const part = (piece, index) => {
    if (index % 2 === 0) return piece.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    if (seen.has(piece)) return `\\k<${piece}>`;
    seen.add(piece);
    return `(?<${piece}>${piece === "step" ? "[a-z][a-z0-9_]*" : quoted(index) ? "[^`]*" : "[^]*?"})`;
  };
  return {
    english,
    own: pieces.filter((_, index) => index % 2 === 0).join("").length,
    pattern: new RegExp(`^${pieces.map(part).join("")}$`),
  };
};
