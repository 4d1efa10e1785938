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
