// What a step does when it fails, takes long, or is cut off.
import { useDesk } from "./desk.js";
import { useDraft } from "./draft.js";
import { ChevronDown } from "./marks.jsx";
import { edit } from "./queue.js";
import { useWords } from "./words.js";

const FIRST = { times: 2, wait: 1, backoff: 2 };

export const Trouble = ({ step }) => {
  const t = useWords();
  const { id, retry, timeout, on_error = "fail", once = false } = step;
  const kind = useDesk((desk) => desk.catalog.kinds[step.kind]);
  const change = (said) => edit({ do: "set_step", step: id, ...said });
  const way = typeof on_error === "string" ? on_error : "default";
  return (
    <details className="section" open={way !== "fail" || Boolean(retry) || Boolean(timeout) || once}>
      <summary>{t("When it fails")}</summary>
      <div className="field">
        <label htmlFor={`${id}-way`}>{t("After the last try")}</label>
        <span className="chosen">
          <select id={`${id}-way`} className="input" value={way} onChange={({ target }) => change({ on_error: target.value === "default" ? { default: "" } : target.value })}>
            <option value="fail">{t("The run fails")}</option>
            <option value="port">{t("Go on by the port “error”")}</option>
            <option value="default">{t("Go on with a value")}</option>
          </select>
          <ChevronDown size={16} aria-hidden="true" />
        </span>
      </div>
      {way === "default" && <Instead value={on_error.default} onChange={(value) => change({ on_error: { default: value } })} />}
      <div className="pair">
        <Amount label={t("Tries again")} value={retry?.times} least={0} whole onChange={(times) => change({ retry: times ? { ...FIRST, ...retry, times } : null })} />
        <Amount label={t("Seconds allowed")} value={timeout ?? undefined} least={0} onChange={(seconds) => change({ timeout: seconds || null })} />
      </div>
      {retry && (
        <div className="pair">
          <Amount label={t("Seconds before")} value={retry.wait ?? 1} least={0} onChange={(wait) => change({ retry: { ...retry, wait: wait ?? 0 } })} />
          <Amount label={t("Each time longer by")} value={retry.backoff ?? 2} least={1} onChange={(backoff) => change({ retry: { ...retry, backoff: backoff ?? 1 } })} />
        </div>
      )}
      {(kind?.writes || once) && <Once id={id} once={once} always={Boolean(kind?.once)} onChange={(next) => change({ once: next })} />}
    </details>
  );
};

/** always: the node is not repeatable, whatever the step says. */
const Once = ({ id, once, always, onChange }) => {
  const t = useWords();
  return (
    <div className="field">
      <label className="switch">
        <input type="checkbox" role="switch" aria-describedby={`${id}-once-help`} checked={once || always} disabled={always} onChange={(event) => onChange(event.target.checked)} />
        <span>{t("After a crash in its middle, ask a person before it runs again")}</span>
      </label>
      <p className="help" id={`${id}-once-help`}>
        {always ? t("This node always asks.") : t("Else it runs again with the same key. Only runs of which every step is kept go on after a crash.")}
      </p>
    </div>
  );
};

const Amount = ({ label, value, least, whole, onChange }) => {
  const [text, setText, finish] = useDraft(value === undefined ? "" : String(value), (next) => {
    const number = Number(next.replace(",", "."));
    if (next.trim() === "") onChange(null);
    else if (Number.isFinite(number) && number >= least) onChange(whole ? Math.round(number) : number);
  });
  return (
    <label className="field">
      <span className="label">{label}</span>
      <input className="input" inputMode={whole ? "numeric" : "decimal"} value={text} placeholder="0" onChange={(event) => setText(event.target.value)} onBlur={finish} />
    </label>
  );
};

const Instead = ({ value, onChange }) => {
  const t = useWords();
  const [text, setText, finish] = useDraft(typeof value === "string" ? value : JSON.stringify(value), (next) => onChange(meant(next)));
  return (
    <label className="field">
      <span className="label">{t("This value")}</span>
      <textarea className="input code" rows={2} value={text} onChange={(event) => setText(event.target.value)} onBlur={finish} />
    </label>
  );
};

const meant = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
