// A published version in a list of choices, with the day when it was published.
import { localeOf } from "$/public/external/builder/clock/clock.js";
import { useLanguage, useTranslation } from "$/public/external/builder/language/language.js";

/** created: seconds since the epoch. */
export const VersionOption = ({ number, created }) => {
  const t = useTranslation();
  const locale = localeOf(useLanguage());
  return <option value={number}>{t("version {number} · {day}", { number, day: dayOf(created, locale) })}</option>;
};

/** "12 Nov", with its year when that is another than this. */
const dayOf = (at, locale) => {
  const then = new Date(at * 1000);
  const year = then.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return then.toLocaleDateString(locale, { day: "numeric", month: "short", year });
};
