// Times that stay true while one looks at them, and a beat for pages that follow something.
import { useEffect, useState } from "react";
import { useLanguage } from "$/public/external/builder/language/language.js";
import { duration, exact, localeOf, relative } from "./clock.js";

const OFTEN = 20_000; // ms; the finest word is a minute

export const Moment = ({ at }) => {
  const locale = localeOf(useLanguage());
  const [now, look] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => look(Date.now() / 1000), OFTEN);
    return () => clearInterval(timer);
  }, []);
  if (!at) return null;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={exact(at, locale)}>
      {relative(at, Math.max(now, at), locale)}
    </time>
  );
};

export const Duration = ({ ms }) => {
  const locale = localeOf(useLanguage());
  return <span className="duration">{duration(ms, locale)}</span>;
};

/** Asks every so many ms, only while somebody can see the page; 0 asks never. */
export const Pulse = ({ every, onBeat }) => {
  useEffect(() => {
    if (!every) return;
    const beat = () => document.hidden || onBeat();
    const timer = setInterval(beat, every);
    document.addEventListener("visibilitychange", beat);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [every]);
  return null;
};
