// What every page does by itself in the browser.
import { useEffect } from "react";

let arrived = false;

/** After a navigation without a page load, go to the heading: a screen reader then reads where one is. */
export const useArrival = () =>
  useEffect(() => {
    if (arrived) document.querySelector("main h1")?.focus();
    arrived = true;
  }, []);

/** When events cannot be sent because the session ended, say so by going to the sign-in page. */
export const useSession = (connectErrors) =>
  useEffect(() => {
    if (connectErrors.length === 0) return;
    fetch("/", { method: "HEAD", redirect: "manual" })
      .then((answer) => answer.type === "opaqueredirect" && window.location.assign("/sign-in"))
      .catch(() => {}); // the server is away; the banner says so
  }, [connectErrors.length]);

/** Take over what the account says; until one has chosen, it says nothing. */
export const usePreferences = ({ theme, language }) => {
  useEffect(() => theme && window.canevas.choose("theme", theme), [theme]);
  useEffect(() => language && window.canevas.choose("language", language), [language]);
};
