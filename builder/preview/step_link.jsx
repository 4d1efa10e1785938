// The name of a step, as the editor says it; a click goes there.
import { nameOf, reveal } from "$/public/external/builder/editor/browser/component/actions.js";
import { useDesk } from "$/public/external/builder/editor/browser/component/desk.js";
import { useTranslation } from "$/public/external/builder/language/language.js";

/** step: an id. onGo(): somebody went to the step. */
export const StepLink = ({ step, onGo }) => {
  const t = useTranslation();
  const found = useDesk((desk) => desk.model.steps[step]);
  if (!found) return step;
  const go = () => {
    reveal(step);
    onGo?.();
  };
  return (
    <button type="button" className="step-link" onClick={go}>
      {nameOf(found, t)}
    </button>
  );
};
