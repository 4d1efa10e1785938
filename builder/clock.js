// Times and durations in words, as the reader's language and calendar have them; pure.

const STEPS = [
  ["minute", 60],
  ["hour", 3600],
];
const DAY = 86_400;
const FAR = 30; // days after which a date says more than a distance

/** The reader's own variety of a language: "en-GB" for "en" where the browser prefers that. */
export const localeOf = (language, preferred = globalThis.navigator?.languages ?? []) =>
  preferred.find((locale) => locale.toLowerCase().split("-")[0] === language) ?? language;

/** "5 minutes ago", "yesterday", or a date once that is a month away. at, now: seconds since the epoch. */
export const relative = (at, now, locale) => {
  const passed = Math.max(0, now - at);
  const say = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  if (passed < 60) return say.format(0, "second");
  if (passed < DAY) {
    const [unit, size] = STEPS.findLast(([, size]) => passed >= size);
    return say.format(-Math.floor(passed / size), unit);
  }
  const days = Math.round((midnight(now) - midnight(at)) / DAY);
  if (days < FAR) return say.format(-days, "day");
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(at * 1000);
};

const midnight = (at) => new Date(at * 1000).setHours(0, 0, 0, 0) / 1000;

/** Day and time to the second. */
export const exact = (at, locale) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "medium" }).format(at * 1000);

/** Weekday, day and time to the minute, on the clock of a time zone; the reader's own when none is said. */
export const onClock = (at, locale, zone) => {
  const shape = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  try {
    return new Intl.DateTimeFormat(locale, { ...shape, timeZone: zone }).format(at * 1000);
  } catch {
    return new Intl.DateTimeFormat(locale, { ...shape, timeZone: "UTC" }).format(at * 1000) + " UTC"; // a zone this browser does not know
  }
};

/** "< 0.1 ms", "0.4 ms", "840 ms", "2.4 s", "3 min 5 s", "2 h 5 min". */
export const duration = (ms, locale) => {
  const say = (number, unit, digits = 0) =>
    `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(number)}\u00A0${unit}`;
  if (ms < 0.05) return `<\u00A0${say(0.1, "ms", 1)}`;
  if (ms < 999.5) return say(ms, "ms", ms < 10 ? 1 : 0);
  if (ms < 59_950) return say(ms / 1000, "s", 1);
  const seconds = Math.round(ms / 1000);
  const [high, low, size] = seconds < 3600 ? ["min", "s", 60] : ["h", "min", 3600];
  const rest = Math.floor((seconds % size) / (size / 60));
  const first = say(Math.floor(seconds / size), high);
  return rest ? `${first} ${say(rest, low)}` : first;
};
