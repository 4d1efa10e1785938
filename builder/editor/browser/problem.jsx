// One thing wrong with a flow, in words.
import { AlertCircle, AlertTriangle } from "./marks.jsx";
import { bare, inline } from "./markdown.jsx";
import { useWords } from "./words.js";

export const ProblemMark = ({ severity, size = 16, ...rest }) => {
  const Icon = severity === "error" ? AlertCircle : AlertTriangle;
  return <Icon size={size} aria-hidden="true" {...rest} />;
};

/** What is wrong and what to do about it. */
export const ProblemText = ({ problem: { what, mend, values } }) => {
  const t = useWords();
  return (
    <>
      {inline(t(what, values))} {mend && <span className="mend">{inline(t(mend, values))}</span>}
    </>
  );
};

/** The same as plain text. */
export const plainProblem = (t, { what, values }) => bare(t(what, values));

/** "2 problems". */
export const countProblems = (t, count) => (count === 1 ? t("1 problem") : t("{count} problems", { count }));

export const anyError = (problems) => problems.some((problem) => problem.severity === "error");
