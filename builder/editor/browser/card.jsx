// A step on the canvas: what it is, what goes in and out, what is wrong with it, and what it is doing.
import { memo } from "react";
import { duration, localeOf } from "$/public/external/builder/clock/clock.js";
import { useLanguage } from "$/public/external/builder/language/language.js";
import { reveal } from "./actions.js";
import { useDesk } from "./desk.js";
import { heightOf, WIDTH } from "./geometry.js";
import { AlertCircle, Check, Loader, Mark, SkipForward } from "./marks.jsx";
import { anyError, countProblems, plainProblem, ProblemMark } from "./problem.jsx";
import { AFTER } from "./wires.js";
import { useWords } from "./words.js";

const NOTHING = new Set();
const ENTRY = { name: AFTER };
const STATES = { idle: "", running: "running", done: "done", failed: "failed", skipped: "skipped", cancelled: "cancelled" };

const HANDLE = "react-flow__handle port nodrag nopan connectable connectablestart connectableend";

/** One end for wires; canvas.jsx listens to all of them at once. lit: while a wire is drawn, whether it fits here. */
const Port = ({ step, port, type, lit }) => {
  const left = type === "target";
  const { name, kind = "any" } = port;
  const classes = [HANDLE, `react-flow__handle-${left ? "left" : "right"}`, type, kind];
  if (port.branch) classes.push("branch");
  if (port.lost) classes.push("lost");
  if (name === AFTER || name === "error") classes.push(name);
  if (lit !== null) classes.push(lit.has(`${type}.${name}`) ? "lit" : "dim");
  return (
    <span
      className={classes.join(" ")}
      data-handleid={name}
      data-nodeid={step}
      data-handlepos={left ? "left" : "right"}
      data-id={`1-${step}-${name}-${type}`}
      data-kind={kind}
    />
  );
};

const Ports = ({ step, ports, type, lit }) => (
  <ul className={type === "source" ? "gives" : "takes"}>
    {ports.map((port) => (
      <li key={port.name} className={[port.required && "required", port.setting && "setting", port.lost && "lost"].filter(Boolean).join(" ")}>
        <Port step={step} port={port} type={type} lit={lit} />
        <span>{port.name}</span>
      </li>
    ))}
  </ul>
);

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

const MARKS = { running: Loader, done: Check, failed: AlertCircle, skipped: SkipForward, cancelled: SkipForward };
const SHOWN = { running: "Running", failed: "Failed", skipped: "Skipped", cancelled: "Stopped" };

/** What the step is doing in the run that is shown, or did. It hangs below the card, so that nothing moves. */
const Live = ({ says, t }) => {
  const language = useLanguage();
  const { state, ms, text, error, model, demo } = says;
  const Icon = MARKS[state];
  const more = state === "failed" ? t(error) : state === "running" ? text : "";
  return (
    <div className={`live ${state}`}>
      <p className="chip">
        <Icon size={14} className={state === "running" ? "turning" : ""} aria-hidden="true" />
        {state === "done" ? duration(ms ?? 0, localeOf(language)) : t(SHOWN[state])}
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

/** What a screen reader says of a step: name, id, state, problems. */
const spoken = (step, says, t) => {
  const problems = step.problems?.length ?? 0;
  const state = STATES[says?.state ?? "idle"];
  return [
    ...new Set([t(step.label), step.title, step.id]),
    state && t(state),
    problems > 0 && countProblems(t, problems),
  ]
    .filter(Boolean)
    .join(", ");
};

export const Card = memo(({ id, selected }) => {
  const t = useWords();
  const step = useDesk((desk) => desk.model.steps[id]);
  const says = useDesk((desk) => desk.overlay[id]);
  const lit = useDesk((desk) => (desk.linking ? desk.linking.lit[id] ?? NOTHING : null));
  if (!step) return null;
  const { group, icon, inputs = [], outputs = [], problems = [], known = true } = step;
  const state = says?.state ?? "idle";
  const classes = ["step-card", group, `is-${state}`, selected && "chosen", lit === NOTHING && "dim", !known && "unknown", step.entry === false && "starts"];
  return (
    <article className={classes.filter(Boolean).join(" ")} style={{ width: WIDTH, height: heightOf(step) }}>
      <span className="unseen" id={`step-${id}`}>
        {spoken(step, says, t)}
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
        {problems.length > 0 && <Problems step={id} problems={problems} t={t} />}
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
      {MARKS[state] && <Live says={says} t={t} />}
    </article>
  );
});
