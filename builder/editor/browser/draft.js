// What a person is typing, between the keyboard and the flow.
import { useEffect, useRef, useState } from "react";
import { edit } from "./queue.js";

const TEXTS = new Set(["text", "multiline", "expression"]);
const PAUSE = 400; // ms without a key before what was typed becomes an edit

export const equal = (one, other) => one === other || JSON.stringify(one) === JSON.stringify(other);

/**
 * [draft, change(value), finish()]: the value as it is typed, committed after a pause, on `finish` and when the field
 * goes away. What comes from elsewhere, such as an undo, replaces it.
 */
export const useDraft = (value, commit, pause = PAUSE) => {
  const [draft, setDraft] = useState(value);
  const kept = useRef({ sent: value, timer: 0, waiting: undefined, commit });
  kept.current.commit = commit;
  useEffect(() => {
    if (equal(value, kept.current.sent)) return;
    clearTimeout(kept.current.timer);
    kept.current.waiting = undefined;
    kept.current.sent = value;
    setDraft(value);
  }, [value]);
  const finish = () => {
    const { waiting, timer } = kept.current;
    clearTimeout(timer);
    if (waiting === undefined) return;
    kept.current.waiting = undefined;
    if (equal(waiting.value, kept.current.sent)) return;
    kept.current.sent = waiting.value;
    kept.current.commit(waiting.value);
  };
  useEffect(() => finish, []);
  const change = (next) => {
    setDraft(next);
    kept.current.waiting = { value: next };
    clearTimeout(kept.current.timer);
    if (Number.isFinite(pause)) kept.current.timer = setTimeout(finish, pause);
  };
  return [draft, change, finish];
};

/** Set a setting, or let go of it when it says no more than its default. */
export const setField = (step, field, value) => {
  const nothing = value === undefined || value === null || value === "";
  // An empty text can be meant when the default is another one; an empty number is none.
  const mayBeEmpty = TEXTS.has(field.widget) && field.default;
  const usual = nothing ? !mayBeEmpty : equal(value, field.default);
  edit(usual ? { do: "unset", step, field: field.name } : { do: "set", step, field: field.name, value });
};
