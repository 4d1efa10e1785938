// A step on the canvas, as a card or as a frame around its inside: what it is, what goes in and out, what is wrong with it, and what it is doing.
import { memo } from "react";
import { duration, localeOf } from "$/public/external/builder/clock/clock.js";
import { useLanguage } from "$/public/external/builder/language/language.js";
import { nameOf, reveal } from "./actions.js";
import { useDesk } from "./desk.js";
import { Fold, Progress, Rooms } from "./frame.jsx";
import { heightOf, WIDTH } from "./geometry.js";
import { AlertCircle, Check, History, Hourglass, Loader, Mark, SkipForward } from "./marks.jsx";
import { bodiesOf } from "./nesting.js";
import { Port, Ports } from "./port.jsx";
import { anyError, countProblems, plainProblem, ProblemMark } from "./problem.jsx";
import { saysOf } from "./scopes.js";
import { AFTER } from "./wires.js";
import { useWords } from "./words.js";

const NOTHING = new Set();
const ENTRY = { name: AFTER };
const STATES = { idle: "", running: "running", waiting: "waiting", done: "done", failed: "failed", skipped: "skipped", cancelled: "cancelled" };

const Problems = ({ step, problems, t }) => {
  const severity = anyError(problems) ? "error" : "warning";
  const label = problems.map((problem) => plainProblem(t, problem)).join("\n");
  const first = problems.find((problem) => problem.field)?.field ?? "";
  return (
    <button type="button" className={`problems nodrag ${severity}`} title={label} aria-label={label} tabIndex={-1} onClick={() => reveal(step, first)}>
      <ProblemMark severity={severity} size={14} />
      {problems.length > 1 && problems.length}
    </button>
  );
};

const MARKS = { running: Loader, waiting: Hourglass, done: Check, failed: AlertCircle, skipped: SkipForward, cancelled: SkipForward };
const SHOWN = { running: "Running", waiting: "Waiting", failed: "Failed", skipped: "Skipped", cancelled: "Stopped" };

/** What the step is doing in the run that is shown, or did. It hangs below the card, so that nothing moves. */
const Live = ({ says, open, t }) => {
  const language = useLanguage();
  const { state, ms, text, error, inside, model, demo, reused, given } = says;
  const taken = state === "done" && reused;
  const Icon = taken ? History : MARKS[state];
  // Of a failure inside an open frame, the step says more that failed there.
  const more = state === "failed" && !(open && inside) ? t(error) : state === "running" ? text : "";
  return (
    <div className={`live ${state}${taken ? " taken" : ""}`}>
      <p className="chip">
        <Icon size={14} className={state === "running" ? "turning" : ""} aria-hidden="true" />
        {taken ? t(given ? "given by you" : "from the earlier run") : state === "done" ? duration(ms ?? 0, localeOf(language)) : t(SHOWN[state])}
        {model && <span className="model">{model}</span>}
        {demo && <span className="demo">{t("demo")}</span>}
      </p>
      {more && (
        <p className="more nowheel" title={state === "failed" ? more : undefined}>
          <span>{more}</span>
        </p>
      )}
    </div>
  );
};

/** What a screen reader says of a step: name, id, where it stands, state, problems. */
const spoken = (step, around, says, t) => {
  const problems = step.problems?.length ?? 0;
  const state = STATES[says?.state ?? "idle"];
  return [
    ...new Set([t(step.label), step.title, step.id]),
    around && t("inside {name}", { name: nameOf(around, t) }),
    state && t(state),
    problems > 0 && countProblems(t, problems),
  ]
    .filter(Boolean)
    .join(", ");
};

export const Card = memo(({ id, selected, data }) => {
  const t = useWords();
  const step = useDesk((desk) => desk.model.steps[id]);
  const says = useDesk((desk) => saysOf(desk, id));
  const around = useDesk((desk) => desk.model.steps[desk.model.steps[id]?.parent]);
  const lit = useDesk((desk) => (desk.linking ? desk.linking.lit[id] ?? NOTHING : null));
  if (!step) return null;
  const { group, icon, inputs = [], outputs = [], problems = [], known = true } = step;
  const state = says?.state ?? "idle";
  const holds = bodiesOf(step).length > 0;
  const open = data.box?.rooms.length > 0;
  const { width, height } = data.box ?? { width: WIDTH, height: heightOf(step) };
  const classes = [open ? "frame" : holds && "closed", "step-card", group, `is-${state}`, selected && "chosen", lit === NOTHING && "dim", !known && "unknown", step.entry === false && "starts"];
  return (
    <article className={classes.filter(Boolean).join(" ")} style={{ width, height }}>
      <span className="unseen" id={`step-${id}`}>
        {spoken(step, around, says, t)}
      </span>
      {step.entry !== false && <Port step={id} port={ENTRY} type="target" lit={lit} />}
      <header>
        <Mark icon={icon} group={group} />
        <div className="names">
          <p className="title">{step.title || t(step.label)}</p>
          <p className="kind">
            {step.title && `${t(step.label)} · `}
            <code>{id}</code>
          </p>
        </div>
        {holds && <Progress step={step} />}
        {open && MARKS[state] && <Live says={says} open t={t} />}
        {problems.length > 0 && <Problems step={id} problems={problems} t={t} />}
        {holds && <Fold id={id} />}
      </header>
      {step.summary && (
        <p className="line" title={step.summary}>
          {step.summary}
        </p>
      )}
      {(inputs.length > 0 || outputs.length > 0) && (
        <div className="ports">
          <Ports step={id} ports={inputs} type="target" lit={lit} />
          <Ports step={id} ports={outputs} type="source" lit={lit} />
        </div>
      )}
      {open && <Rooms step={step} box={data.box} lit={lit} />}
      {!open && MARKS[state] && <Live says={says} t={t} />}
    </article>
  );
});
