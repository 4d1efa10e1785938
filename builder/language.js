// What the interface says, in the language of <html lang>; `choices.js` sets that and tells of changes.
import { useSyncExternalStore } from "react";
import catalogue from "$/utils/french.json";
import { dictionary } from "./dictionary.js";

const subscribe = (changed) => {
  window.addEventListener("canevas:choice", changed);
  return () => window.removeEventListener("canevas:choice", changed);
};

/** The language of the page, "en" or "fr"; the component is drawn again when it changes. */
export const useLanguage = () =>
  useSyncExternalStore(
    subscribe,
    () => document.documentElement.lang,
    () => "en",
  );

/** What the person chose for "theme" or "language": "system" until they do. */
export const useChoice = (name) =>
  useSyncExternalStore(
    subscribe,
    () => window.canevas.choice(name),
    () => "system",
  );

export const choose = (name, value) => window.canevas.choose(name, value);

/** `translate(language, text, values)`: an English text of the catalogue in a language, its {braces} filled. */
export const translate = dictionary(catalogue);

/** For components of our own: `const t = useTranslation(); t("Fit the view")`. */
export const useTranslation = () => {
  const language = useLanguage();
  return (text, values) => translate(language, text, values);
};
