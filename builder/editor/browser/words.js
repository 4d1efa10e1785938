// What the editor says, in the language of the page.
import { useTranslation } from "$/public/external/builder/language/language.js";

const KINDS = { any: "any value", text: "a text", number: "a number", boolean: "true or false", list: "a list", object: "an object" };

/** `t`, which also translates values that are kinds of values: `kind:text` becomes `a text`. */
export const useWords = () => {
  const t = useTranslation();
  return (text, values = {}) =>
    t(
      text,
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          typeof value === "string" && value.startsWith("kind:") ? t(KINDS[value.slice(5)]) : value,
        ]),
      ),
    );
};

export const kindPhrase = (kind) => KINDS[kind ?? "any"];

/** A duration as people read it: 87 ms, 1.4 s, 2 min 5 s. */
export const duration = (ms, language) => {
  const number = (value, digits) => value.toLocaleString(language, { maximumFractionDigits: digits });
  if (ms < 1000) return `${number(ms, ms < 10 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${number(ms / 1000, 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
};
