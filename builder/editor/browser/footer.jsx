// Under the canvas: whether the flow can run, whether it is saved, and what the page puts there.
import { useEffect, useRef, useState } from "react";
import { nameOf, reveal } from "./actions.js";
import { useDesk } from "./desk.js";
import { AlertCircle, AlertTriangle, Check, CloudOff, Loader } from "./marks.jsx";
import { countProblems, ProblemMark, ProblemText } from "./problem.jsx";
import { edit, retry } from "./queue.js";
import { useWords } from "./words.js";

export const Footer = ({ children }) => (
  <footer className="footer">
    <Problems />
    <SaveState />
    <div className="actions">{children}</div>
  </footer>
);

/** Every problem with the step it belongs to, errors first. */
const useProblems = () => {
  const model = useDesk((desk) => desk.model);
  const all = [
    ...model.problems.map((problem) => ({ problem, step: null })),
    ...model.order.flatMap((id) => (model.steps[id].problems ?? []).map((problem) => ({ problem, step: model.steps[id] }))),
  ];
  const rank = ({ problem }) => (problem.severity === "error" ? 0 : 1);
  return all.sort((one, other) => rank(one) - rank(other));
};

const Problems = () => {
  const t = useWords();
  const all = useProblems();
  const errors = all.filter(({ problem }) => problem.severity === "error").length;
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  useEffect(() => {
    if (!open) return;
    const outside = (event) => !box.current?.contains(event.target) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const escape = (event) => event.key === "Escape" && setOpen(false);
  const label = !all.length ? t("No problems") : countProblems(t, all.length);
  const Icon = errors ? AlertCircle : all.length ? AlertTriangle : Check;
  return (
    <div className="validation" ref={box} onKeyDown={escape}>
      <button type="button" className={`button quiet ${errors ? "error" : all.length ? "warning" : "success"}`} aria-label={label} aria-expanded={open} disabled={!all.length} onClick={() => setOpen(!open)}>
        <Icon size={16} aria-hidden="true" />
        <span className="word">{label}</span>
      </button>
      {open && all.length > 0 && (
        <ul className="overlay-list problem-list" aria-label={t("Problems")}>
          {all.map(({ problem, step }, number) => (
            <Problem key={number} problem={problem} step={step} t={t} done={() => setOpen(false)} />
          ))}
        </ul>
      )}
    </div>
  );
};

const Problem = ({ problem, step, t, done }) => {
  const lost = problem.edge && !step; // no step to go to: the wire leads nowhere
  const go = () => {
    if (step) reveal(step.id, problem.field ?? "");
    done();
  };
  return (
    <li>
      <button type="button" onClick={go}>
        <ProblemMark severity={problem.severity} className={problem.severity} />
        <span>
          {step && <strong>{nameOf(step, t)} </strong>}
          <ProblemText problem={problem} />
        </span>
      </button>
      {lost && (
        <button type="button" className="button quiet" onClick={() => edit({ do: "disconnect", edges: [problem.edge] })}>
          {t("Remove the wire")}
        </button>
      )}
    </li>
  );
};

export const SaveState = () => {
  const t = useWords();
  const save = useDesk((desk) => desk.save);
  const reason = useDesk((desk) => desk.reason);
  const patient = useSettled(save);
  const says = {
    saved: [Check, t("Saved")],
    saving: [Loader, t("Saving …")],
    failed: [CloudOff, t("Not saved; kept in this browser")],
    stale: [AlertTriangle, t("Changed elsewhere")],
  };
  const [Icon, text] = says[patient];
  return (
    <p className={`save-state ${patient}`} role="status" aria-label={text} title={patient === "failed" && reason ? t(...reason) : text}>
      <Icon size={14} className={patient === "saving" ? "turning" : ""} aria-hidden="true" />
      <span className="word">{text}</span>
      {patient === "failed" && (
        <button type="button" className="link" onClick={retry}>
          {t("Try again")}
        </button>
      )}
    </p>
  );
};

/** Saving that takes no time to speak of is not shown: a flicker at each key says nothing. */
const useSettled = (save) => {
  const [shown, setShown] = useState(save);
  useEffect(() => {
    const timer = setTimeout(() => setShown(save), save === "saving" && shown === "saved" ? 250 : 0);
    return () => clearTimeout(timer);
  }, [save]);
  return shown;
};
