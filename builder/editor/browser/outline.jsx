// The flow itself: its name, what it is for, and its steps as a list that says the same as the canvas.
import { nameOf, reveal } from "./actions.js";
import { set, useDesk } from "./desk.js";
import { useDraft } from "./draft.js";
import { Mark, X } from "./marks.jsx";
import { anyError, countProblems, ProblemMark } from "./problem.jsx";
import { edit } from "./queue.js";
import { flowOrder } from "./wires.js";
import { useWords } from "./words.js";

const STATES = { running: "running", done: "done", failed: "failed", skipped: "skipped", cancelled: "cancelled" };

export const Outline = () => {
  const t = useWords();
  const model = useDesk((desk) => desk.model);
  const overlay = useDesk((desk) => desk.overlay);
  const [description, setDescription, finish] = useDraft(model.description, (next) => edit({ do: "describe", description: next }));
  const after = {};
  for (const wire of Object.values(model.wires)) (after[wire.source] ??= new Set()).add(wire.target);
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
      <section className="section plain">
        <h3>
          {t("Steps")} <span className="count">{model.order.length}</span>
        </h3>
        {!model.order.length && <p className="none">{t("None yet. Select one here once there are some.")}</p>}
        <ol className="outline">
          {flowOrder(model).map((id) => (
            <Row key={id} step={model.steps[id]} says={overlay[id]} after={[...(after[id] ?? [])].map((each) => nameOf(model.steps[each], t)).join(", ")} t={t} />
          ))}
        </ol>
      </section>
    </div>
  );
};

const Row = ({ step, says, after, t }) => {
  const problems = step.problems ?? [];
  const severity = anyError(problems) ? "error" : "warning";
  const state = STATES[says?.state];
  return (
    <li>
      <button type="button" onClick={() => reveal(step.id)}>
        <Mark icon={step.icon} group={step.group} />
        <span className="names">
          <span className="title">{step.title || t(step.label)}</span>
          <span className="kind">
            <code>{step.id}</code>
            {after && ` → ${after}`}
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
    </li>
  );
};
