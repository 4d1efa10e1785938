// Times that stay true while one looks at them, and a beat for pages that follow something.
import { useEffect, useState } from "react";
import { useLanguage, useTranslation } from "$/public/external/builder/language/language.js";
import { duration, exact, localeOf, onClock, relative } from "./clock.js";

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

/** How long there is time; by the second in the last hour. until: seconds since the epoch. */
export const TimeLeft = ({ until }) => {
  const t = useTranslation();
  const locale = localeOf(useLanguage());
  const [now, look] = useState(() => Date.now() / 1000);
  const left = Math.max(0, until - now);
  const often = left < 3600 ? 1000 : OFTEN;
  useEffect(() => {
    const timer = setInterval(() => look(Date.now() / 1000), often);
    return () => clearInterval(timer);
  }, [often]);
  return (
    <time dateTime={new Date(until * 1000).toISOString()} title={exact(until, locale)}>
      {left ? t("{time} left", { time: duration(Math.ceil(left) * 1000, locale) }) : t("Time is over")}
    </time>
  );
};

/** How long something has gone on; by the second in the first hour. since: seconds since the epoch. */
export const Elapsed = ({ since }) => {
  const locale = localeOf(useLanguage());
  const [now, look] = useState(() => Date.now() / 1000);
  const passed = Math.max(0, now - since);
  const often = passed < 3600 ? 1000 : OFTEN;
  useEffect(() => {
    const timer = setInterval(() => look(Date.now() / 1000), often);
    return () => clearInterval(timer);
  }, [often]);
  return <span className="duration">{duration(Math.max(1, Math.floor(passed)) * 1000, locale)}</span>;
};

/** A moment on the clock of a time zone, and on the reader's own where that shows another time. at: seconds since the epoch. */
export const Tick = ({ at, zone }) => {
  const t = useTranslation();
  const locale = localeOf(useLanguage());
  const there = onClock(at, locale, zone);
  const here = onClock(at, locale);
  return (
    <time dateTime={new Date(at * 1000).toISOString()}>
      {there} {zone}
      {here !== there && <span className="fine"> {t("{time} where you are", { time: here })}</span>}
    </time>
  );
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
