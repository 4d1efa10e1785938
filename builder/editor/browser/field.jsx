// One setting of a step: its label, its control from the closed set of widgets, its help, and what is wrong with it.
import { useRef, useState } from "react";
import { setField, useDraft } from "./draft.js";
import { coded } from "./markdown.jsx";
import { ProblemMark, ProblemText } from "./problem.jsx";
import { References } from "./references.jsx";
import { WIDGETS } from "./widgets.jsx";
import { useWords } from "./words.js";

const COMPUTED = /(?<!\\)(?:\\\\)*\{\{/; // an expression begins here
const TEXTS = new Set(["text", "multiline", "expression"]); // expressions are part of the text itself
const SHAPED = new Set(["list", "key_values", "fields", "records"]); // expressions stand inside of entries
const ON_LEAVING = new Set(["list", "key_values", "fields", "records"]); // names in them become ports: not letter by letter

export const isComputed = (value) => typeof value === "string" && COMPUTED.test(value);

export const Field = ({ step, field, value, wires, problems }) => {
  const t = useWords();
  const { name, label, widget, help, required } = field;
  const id = `field-${name}`;
  const stored = value === undefined ? (field.default ?? "") : value;
  const [computing, setComputing] = useState(!TEXTS.has(widget) && isComputed(stored));
  const shown = computing ? "expression" : widget;
  const pause = ON_LEAVING.has(shown) ? Infinity : undefined;
  const [draft, change, finish] = useDraft(stored, (next) => setField(step, field, next), pause);
  const [listing, setListing] = useState(false);
  const control = useRef(null);
  const Widget = WIDGETS[shown] ?? WIDGETS.expression;
  const wired = wires.length > 0;
  const insert = (reference) => put(control.current, reference, change, finish);
  const typed = (next) => {
    change(next);
    if (typeof next === "string" && justOpened(control.current)) setListing(true);
  };
  return (
    <div className={`field ${problems.length ? "wrong" : ""}`} data-field={name} onBlur={finish}>
      <div className="label-row">
        <label htmlFor={id} id={`${id}-label`}>
          {t(label)}
          {required && (
            <span className="required" title={t("Needed")} aria-label={t("Needed")}>
              *
            </span>
          )}
        </label>
        {!wired && !SHAPED.has(widget) && !TEXTS.has(widget) && widget !== "secret" && (
          <button type="button" className="tiny" aria-pressed={computing} title={t("Compute this value")} aria-label={t("Compute this value")} onClick={() => setComputing(!computing)}>
            <i aria-hidden="true">fx</i>
          </button>
        )}
        {!wired && (TEXTS.has(shown) || computing) && <References step={step} late={field.inside ? name : ""} onChoose={insert} open={listing} setOpen={setListing} />}
      </div>
      {wired ? (
        <p className="wired">{t("Comes by wire from {from}", { from: wires.map((wire) => `${wire.source}.${wire.output}`).join(", ") })}</p>
      ) : (
        <Widget id={id} control={control} field={field} value={draft} onChange={typed} invalid={problems.length > 0} step={step} />
      )}
      {help && (
        <p className="help" id={`${id}-help`}>
          {coded(t(help))}
        </p>
      )}
      <div id={`${id}-error`} aria-live="polite">
        {problems.map((problem) => (
          <p key={problem.what} className="error">
            <ProblemMark severity={problem.severity} size={14} />
            <span>
              <ProblemText problem={problem} />
            </span>
          </p>
        ))}
      </div>
    </div>
  );
};

/** Whether the person has this moment typed the braces that begin an expression. */
const justOpened = (element) => element?.selectionStart >= 2 && element.value.slice(0, element.selectionStart).endsWith("{{");

/** Put a reference where the caret is; braces that stand there already are taken over. */
const put = (element, reference, change, finish) => {
  if (!element || element.value === undefined) return;
  const { selectionStart = element.value.length, selectionEnd = element.value.length, value } = element;
  const before = value.slice(0, selectionStart).replace(/\{\{\s*$/, "");
  const after = value.slice(selectionEnd).replace(/^\s*\}\}/, "");
  change(before + reference + after);
  finish();
  requestAnimationFrame(() => {
    element.focus();
    element.setSelectionRange?.(before.length + reference.length, before.length + reference.length);
  });
};
