// What the editor says, in the language of the page.
import { useTranslation } from "$/public/external/builder/language/language.js";

const KINDS = { any: "any value", text: "a text", number: "a number", boolean: "true or false", list: "a list", object: "an object" };

// Names one after the other, as problems.py lists them: "a, b", "a, b and 3 more", or "none".
const LISTS = new Set(["known", "steps"]);
const MORE = /^(.*) and (\d+) more$/;

const listed = (t, text) => {
  const [, names, count] = MORE.exec(text) ?? [];
  return count ? t("{names} and {count} more", { names, count }) : text === "none" ? t("none") : text;
};

/** `t`, which also translates values that are kinds of values: `kind:text` becomes `a text`. */
export const useWords = () => {
  const t = useTranslation();
  return (text, values = {}) =>
    t(
      text,
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => {
          if (typeof value !== "string") return [name, value];
          if (value.startsWith("kind:")) return [name, t(KINDS[value.slice(5)])];
          return [name, LISTS.has(name) ? listed(t, value) : value];
        }),
      ),
    );
};

export const kindPhrase = (kind) => KINDS[kind ?? "any"];
