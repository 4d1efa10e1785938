// The small part of Markdown that notes use, as elements; nothing in it is ever HTML.

const INLINE = /\*\*(.+?)\*\*|\*(.+?)\*|`(.+?)`|\[(.+?)\]\((https?:\/\/[^\s)]+)\)/;

/** Emphasis, code and links of one line. */
export const inline = (text) => {
  const found = INLINE.exec(text);
  if (!found) return [text];
  const [all, strong, em, code, label, href] = found;
  const key = found.index;
  const made = strong ? (
    <strong key={key}>{strong}</strong>
  ) : em ? (
    <em key={key}>{em}</em>
  ) : code ? (
    <code key={key}>{code}</code>
  ) : (
    <a key={key} href={href} target="_blank" rel="noreferrer noopener">
      {label}
    </a>
  );
  return [text.slice(0, key), made, ...inline(text.slice(key + all.length))];
};

/** A text without its marks, for places that hold no elements. */
export const bare = (text) => text.replace(/[`*]/g, "");

/** Help and the like: only what stands in backticks is marked, so that `*` can multiply. */
export const coded = (text) => text.split("`").map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part));

const block = (lines, key) => {
  const heading = /^#{1,4}\s+(.*)/.exec(lines[0]);
  if (heading) return <h4 key={key}>{inline(heading[1])}</h4>;
  if (lines.every((line) => /^\s*[-*]\s/.test(line)))
    return (
      <ul key={key}>
        {lines.map((line, number) => (
          <li key={number}>{inline(line.replace(/^\s*[-*]\s/, ""))}</li>
        ))}
      </ul>
    );
  return <p key={key}>{inline(lines.join("\n"))}</p>;
};

export const Markdown = ({ text }) =>
  text
    .split(/\n\s*\n/)
    .filter((part) => part.trim())
    .map((part, key) => block(part.trim().split("\n"), key));
