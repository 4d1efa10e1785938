// The settings of the flow as a whole: how its runs are kept, where they wait for their turn, and what one may use.
import { get, set, useDesk } from "./desk.js";
import { Modal } from "./dialogs.jsx";
import { useDraft } from "./draft.js";
import { ChevronDown, ChevronRight, X } from "./marks.jsx";
import { edit } from "./queue.js";
import { amount, configured, isName, labelsIn, usual } from "./running.js";
import { useWords } from "./words.js";

const NONE = [];
const USUAL = {
  waits: "In this flow every step is kept, because it may wait for people or for a time.",
  alone: "In this flow every step is kept, because nobody waits for what a webhook or a schedule starts.",
  mixed: "In this flow every step is kept for webhooks and schedules, and the whole at the end for other starts.",
  result: "In this flow the whole is kept, at the end.",
};
const KEPT = [
  ["", "As its start has it", ""],
  ["fast", "Fast", "Nothing is kept, unless the run waits. It costs nothing, and the list of runs does not show it."],
  ["result", "Keep the result", "The whole is kept in one write at the end. A crash in the middle loses the run."],
  ["step", "Every step", "Survives a crash: the run goes on after the last finished step. About 0.1 to 0.3 ms a step on SQLite."],
];
const PRIORITIES = { lowest: "Lowest", low: "Low", normal: "Normal", high: "High", highest: "Highest" };
const LIMITS = {
  steps: ["Steps", "Of every round and item together."],
  seconds: ["Seconds", "From its start, without the time it waits for people."],
  depth: ["Depth", "Of frames and flows in one another."],
  value: ["Bytes of one output", ""],
  tokens: ["Tokens", "Of all models together."],
  cost: ["Cost in US dollars", "Of all models together."],
};

/** A number with spaces between its groups, which it may be typed with in every language. */
const grouped = (number) => new Intl.NumberFormat("fr").format(number);

const change = (part, said, defaults) => edit({ do: "configure", [part]: configured(get().model[part], said, defaults) });

/** Opens the settings, and says in a word how the runs are kept. */
export const FlowSettingsButton = () => {
  const t = useWords();
  const { durability = "" } = useDesk((desk) => desk.model.running);
  const [, word] = KEPT.find(([value]) => value === durability) ?? KEPT[0];
  return (
    <button type="button" className="button plain flow-settings" onClick={() => set({ configuring: true })}>
      <span className="word">
        {t("How it runs")} <span className="kind">{t(word)}</span>
      </span>
      <ChevronRight size={16} aria-hidden="true" />
    </button>
  );
};

export const FlowSettings = () => {
  const t = useWords();
  const open = useDesk((desk) => desk.configuring);
  const running = useDesk((desk) => desk.model.running);
  const limits = useDesk((desk) => desk.model.limits);
  const fields = useDesk((desk) => desk.catalog.limits ?? NONE);
  if (!open) return null;
  const close = () => set({ configuring: false });
  return (
    <Modal label={t("How it runs")} onCancel={close}>
      <div className="outline-heading">
        <h2>{t("How it runs")}</h2>
        <button type="button" className="tiny" aria-label={t("Close")} onClick={close}>
          <X size={16} aria-hidden="true" />
        </button>
      </div>
      <Durability running={running} />
      <Turn running={running} />
      <fieldset className="limits">
        <legend>{t("What one run may use")}</legend>
        <p className="help">{t("A run that meets a limit fails, and says which. An empty field has the usual limit, or none.")}</p>
        <div className="pairs">
          {fields.map((field) => (
            <Limit key={field.name} field={field} value={limits[field.name]} />
          ))}
        </div>
      </fieldset>
    </Modal>
  );
};

const Durability = ({ running }) => {
  const t = useWords();
  const steps = useDesk((desk) => desk.model.steps);
  const kinds = useDesk((desk) => desk.catalog.kinds);
  return (
    <fieldset className="choices">
      <legend>{t("How runs are kept")}</legend>
      {KEPT.map(([value, word, cost], number) => (
        <label key={value} className="choice pick">
          <input type="radio" name="durability" autoFocus={number === 0 && !running.durability} checked={(running.durability ?? "") === value} onChange={() => change("running", { durability: value })} />
          <strong>{t(word)}</strong>
          <span>{t(cost || USUAL[usual(steps, kinds)])}</span>
        </label>
      ))}
    </fieldset>
  );
};

/** Where runs wait for their turn, and who takes them. */
const Turn = ({ running }) => {
  const t = useWords();
  const text = (running.labels ?? NONE).join(", ");
  return (
    <fieldset>
      <legend>{t("Whose turn it is")}</legend>
      <p className="help">{t("For runs of which every step is kept: they wait in a queue until a worker takes them.")}</p>
      <div className="pairs">
        <Line name="queue" label={t("Queue")} value={running.queue ?? ""} placeholder={t("the usual one")} isRight={(next) => !next || isName(next)} onChange={(queue) => change("running", { queue })} />
        <div className="field">
          <label htmlFor="flow-priority">{t("Priority")}</label>
          <span className="chosen">
            <select id="flow-priority" className="input" value={running.priority ?? "normal"} onChange={({ target }) => change("running", { priority: target.value }, { priority: "normal" })}>
              {Object.entries(PRIORITIES).map(([value, word]) => (
                <option key={value} value={value}>
                  {t(word)}
                </option>
              ))}
            </select>
            <ChevronDown size={16} aria-hidden="true" />
          </span>
        </div>
      </div>
      <Line name="labels" label={t("Labels a worker must have")} value={text} placeholder="gpu" isRight={labelsIn} onChange={(next) => change("running", { labels: labelsIn(next) })} />
    </fieldset>
  );
};

/** A text that is saved as it is typed, as long as it is right. */
const Line = ({ name, label, value, placeholder, isRight, onChange }) => {
  const t = useWords();
  const [draft, setDraft, finish] = useDraft(value, (next) => isRight(next.trim()) && onChange(next.trim()));
  const wrong = !isRight(draft.trim());
  return (
    <div className="field">
      <label htmlFor={`flow-${name}`}>{label}</label>
      <input id={`flow-${name}`} className="input" value={draft} placeholder={placeholder} spellCheck={false} autoComplete="off" aria-invalid={wrong || undefined} aria-describedby={`flow-${name}-error`} onChange={(event) => setDraft(event.target.value)} onBlur={finish} />
      <p id={`flow-${name}-error`} className="error" aria-live="polite">
        {wrong && t("Small letters, digits, “-” and “_”; up to four labels, with commas between them.")}
      </p>
    </div>
  );
};

const Limit = ({ field, value }) => {
  const t = useWords();
  const { name, minimum, maximum, whole, default: common } = field;
  const [label, help] = LIMITS[name] ?? [name, ""];
  const isRight = (text) => {
    const found = amount(text, whole);
    return found > 0 && found >= (minimum ?? 0) && found <= (maximum ?? Infinity);
  };
  const [draft, setDraft, finish] = useDraft(value === undefined ? "" : String(value), (next) => {
    if (!next.trim()) change("limits", { [name]: null });
    else if (isRight(next)) change("limits", { [name]: amount(next, whole) }, { [name]: common });
  });
  const wrong = draft.trim() !== "" && !isRight(draft);
  const id = `flow-limit-${name}`;
  return (
    <div className="field">
      <label htmlFor={id}>{t(label)}</label>
      <input id={id} className="input" inputMode={whole ? "numeric" : "decimal"} value={draft} placeholder={common ? grouped(common) : t("no limit")} autoComplete="off" aria-invalid={wrong || undefined} aria-describedby={`${id}-help ${id}-error`} onChange={(event) => setDraft(event.target.value)} onBlur={finish} />
      <p id={`${id}-help`} className="help">
        {help && t(help)}
      </p>
      <p id={`${id}-error`} className="error" aria-live="polite">
        {wrong && (maximum ? t("A number from {least} to {most}.", { least: grouped(minimum), most: grouped(maximum) }) : t("A number above 0."))}
      </p>
    </div>
  );
};
