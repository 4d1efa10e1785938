// The flow itself: its name, what it is for, and its steps as a list that says the same as the canvas.
import { nameOf, reveal } from "./actions.js";
import { set, useDesk } from "./desk.js";
import { useDraft } from "./draft.js";
import { FlowSettingsButton } from "./flow_settings.jsx";
import { roomName } from "./frame.jsx";
import { Mark, X } from "./marks.jsx";
import { anyError, countProblems, ProblemMark } from "./problem.jsx";
import { bodiesOf, insideOf, ROOT, stepsIn } from "./nesting.js";
import { edit } from "./queue.js";
import { saysOf } from "./scopes.js";
import { flowOrder } from "./wires.js";
import { useWords } from "./words.js";

const STATES = { running: "running", waiting: "waiting", done: "done", failed: "failed", skipped: "skipped", cancelled: "cancelled" };

export const Outline = () => {
  const t = useWords();
  const model = useDesk((desk) => desk.model);
  const [description, setDescription, finish] = useDraft(model.description, (next) => edit({ do: "describe", description: next }));
  return (
    <div className="pane">
      <div className="outline-heading">
        <h2>{t("This flow")}</h2>
        <button type="button" className="tiny only-small" aria-label={t("Close")} onClick={() => set({ panel: "canvas" })}>
          <X size={16} aria-hidden="true" />
        </button>
      </div>
      <label className="field">
        <span className="label">{t("What it is for")}</span>
        <textarea className="input grows" rows={2} maxLength={5000} value={description} placeholder={t("A sentence for whoever opens it next.")} onChange={(event) => setDescription(event.target.value)} onBlur={finish} />
      </label>
      <FlowSettingsButton />
      <section className="section plain">
        <h3>
          {t("Steps")} <span className="count">{model.order.length}</span>
        </h3>
        {!model.order.length && <p className="none">{t("None yet. Select one here once there are some.")}</p>}
        <Steps place={ROOT} label={t("Steps")} />
      </section>
    </div>
  );
};

/** The steps of a place in the order of the flow, each with those inside it. */
const Steps = ({ place, label }) => {
  const model = useDesk((desk) => desk.model);
  const there = new Set(stepsIn(model, place));
  return (
    <ol className="outline" aria-label={label}>
      {flowOrder(model)
        .filter((id) => there.has(id))
        .map((id) => (
          <Row key={id} step={model.steps[id]} model={model} />
        ))}
    </ol>
  );
};

const Row = ({ step, model }) => {
  const t = useWords();
  const says = useDesk((desk) => saysOf(desk, step.id));
  const problems = step.problems ?? [];
  const severity = anyError(problems) ? "error" : "warning";
  const state = STATES[says?.state];
  const own = new Set(insideOf(model, step.id)); // they stand below it
  const after = (followers(model)[step.id] ?? []).filter((each) => !own.has(each));
  return (
    <li>
      <button type="button" onClick={() => reveal(step.id)}>
        <Mark icon={step.icon} group={step.group} />
        <span className="names">
          <span className="title">{step.title || t(step.label)}</span>
          <span className="kind">
            <code>{step.id}</code>
            {after.length > 0 && ` → ${after.map((each) => nameOf(model.steps[each], t)).join(", ")}`}
            {state && ` · ${t(state)}`}
          </span>
        </span>
        {problems.length > 0 && (
          <span className={severity}>
            <ProblemMark severity={severity} size={14} />
            <span className="unseen">{countProblems(t, problems.length)}</span>
          </span>
        )}
      </button>
      {bodiesOf(step).map(({ name }, _, all) => (
        <div key={name} className="inside">
          {all.length > 1 && <p className="kind">{roomName(name, t)}</p>}
          <Steps place={{ step: step.id, body: name }} label={t("inside {name}", { name: roomName(name, t) })} />
        </div>
      ))}
    </li>
  );
};

const known = new WeakMap();

/** Which steps come after each, by wires and references. */
const followers = ({ wires }) => {
  if (known.has(wires)) return known.get(wires);
  const after = {};
  for (const { source, target } of Object.values(wires)) (after[source] ??= new Set()).add(target);
  const found = Object.fromEntries(Object.entries(after).map(([id, all]) => [id, [...all]]));
  known.set(wires, found);
  return found;
};
