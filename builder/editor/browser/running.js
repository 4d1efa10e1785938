// How the runs of a flow are kept; pure.

const UNATTENDED = new Set(["webhook", "schedule"]); // nobody waits for what these start

/**
 * What becomes of runs when the flow says nothing of it: "waits" and "alone" keep every step, because the flow may wait
 * for long, or nobody waits for it; "result" keeps the whole at the end; "mixed" depends on the start.
 */
export const usual = (steps, kinds) => {
  const known = Object.values(steps).flatMap(({ kind }) => kinds[kind] ?? []);
  if (known.some((kind) => kind.pauses)) return "waits";
  const starts = known.flatMap(({ trigger }) => trigger || []);
  const alone = starts.filter((trigger) => UNATTENDED.has(trigger));
  if (!alone.length) return "result";
  return alone.length === starts.length ? "alone" : "mixed";
};

/** A part of the flow's settings with a change; what says nothing, or no more than the default, is left out. */
export const configured = (part, change, defaults = {}) =>
  Object.fromEntries(
    Object.entries({ ...part, ...change }).filter(
      ([name, value]) => value !== "" && value !== null && value !== undefined && value !== defaults[name] && value.length !== 0,
    ),
  );

/** The number in a text, NaN when there is none. A comma or a point begins a fraction, so "1,000" is none. */
export const amount = (text, whole) => {
  const plain = text.replace(/\s/g, "");
  return (whole ? /^\d+$/ : /^\d+([.,]\d{1,2})?$/).test(plain) ? Number(plain.replace(",", ".")) : NaN;
};

const NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/;
const MOST = 4;

export const isName = (text) => NAME.test(text);

/** The labels in a text, or null when it holds something else. */
export const labelsIn = (text) => {
  const labels = text.split(/[\s,]+/).filter(Boolean);
  return labels.length <= MOST && labels.every(isName) ? labels : null;
};
