// What a person has to decide or asked to see: two versions of a flow, edits that were left behind, the shortcuts.
import { useEffect, useRef } from "react";
import { get, set, useDesk } from "./desk.js";
import { X } from "./marks.jsx";
import { recover, resolve } from "./queue.js";
import { useWords } from "./words.js";

/** A modal dialog of the browser: it holds the focus and gives it back. */
export const Modal = ({ label, onCancel, children }) => {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
    return () => dialog.current?.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onCancel?.();
  };
  return (
    <dialog ref={dialog} className="modal" aria-label={label} onCancel={cancel} onKeyDown={(event) => event.stopPropagation()}>
      {children}
    </dialog>
  );
};

export const Conflict = () => {
  const t = useWords();
  const stale = useDesk((desk) => desk.save === "stale");
  const count = useDesk((desk) => desk.pending.reduce((sum, batch) => sum + (batch.edits?.length ?? 0), 0));
  if (!stale) return null;
  return (
    <Modal label={t("The flow was changed in another window")}>
      <h2>{t("The flow was changed in another window")}</h2>
      <p>
        {count === 1 ? t("One change of yours is not saved yet.") : t("{count} changes of yours are not saved yet.", { count })} {t("Nothing is lost until you choose.")}
      </p>
      <div className="choices">
        <button type="button" className="choice" autoFocus onClick={() => resolve("mine")}>
          <strong>{t("Put my changes on top")}</strong>
          <span>{t("Loads the newer version and applies yours to it, where they still fit.")}</span>
        </button>
        <button type="button" className="choice" onClick={() => resolve("copy")}>
          <strong>{t("Keep mine as a copy")}</strong>
          <span>{t("A new flow with what you see here; the newer version stays as it is.")}</span>
        </button>
        <button type="button" className="choice" onClick={() => resolve("theirs")}>
          <strong>{t("Load the newer version")}</strong>
          <span>{t("Your unsaved changes are dropped.")}</span>
        </button>
      </div>
    </Modal>
  );
};

/** Edits of an earlier visit that the server never got. */
export const Recovered = () => {
  const t = useWords();
  const recovered = useDesk((desk) => desk.recovered);
  if (!recovered.length) return null;
  const count = recovered.reduce((sum, { edits }) => sum + edits.length, 0);
  return (
    <div className="banner" role="alert">
      <p>{count === 1 ? t("One change of your last visit was not saved.") : t("{count} changes of your last visit were not saved.", { count })}</p>
      <button type="button" className="button primary" onClick={() => recover(true)}>
        {t("Apply them")}
      </button>
      <button type="button" className="button quiet" onClick={() => recover(false)}>
        {t("Forget them")}
      </button>
    </div>
  );
};

/** An edit the server did not take, and why. */
export const Refusals = () => {
  const t = useWords();
  const refusals = useDesk((desk) => desk.refusals);
  const last = refusals.at(-1);
  useEffect(() => {
    if (!last) return;
    const timer = setTimeout(() => set({ refusals: get().refusals.slice(1) }), 10_000);
    return () => clearTimeout(timer);
  }, [last]);
  if (!last) return null;
  return (
    <div className="banner warning" role="alert">
      <p>{t(...last)}</p>
      <button type="button" className="tiny" aria-label={t("Close")} onClick={() => set({ refusals: [] })}>
        <X size={16} aria-hidden="true" />
      </button>
    </div>
  );
};

const SHORTCUTS = [
  ["Tab", "To the next step of the flow"],
  ["← ↑ → ↓", "Move the step; with ⇧ farther"],
  ["Enter", "To its settings"],
  ["C", "Connect it to another step"],
  ["A", "Add a step, into the frame that has the focus"],
  ["M", "Move it into a frame, or out of it"],
  ["O", "Open or close a frame"],
  [", .", "To the round or item before, or the next one"],
  ["Space", "Select it besides others"],
  ["Delete", "Remove what is selected"],
  ["Ctrl Z", "Undo"],
  ["Ctrl ⇧ Z", "Redo"],
  ["Ctrl C · Ctrl V", "Copy and paste steps"],
  ["Ctrl D", "Duplicate"],
  ["Ctrl A", "Select all steps"],
  ["1", "Fit the view"],
  ["+ −", "Zoom"],
  ["N", "Add a note"],
  ["Ctrl K", "Add a step, from anywhere"],
  ["Esc", "Stop, or select nothing"],
];

export const Help = () => {
  const t = useWords();
  const open = useDesk((desk) => desk.help);
  if (!open) return null;
  const close = () => set({ help: false });
  return (
    <Modal label={t("Keyboard shortcuts")} onCancel={close}>
      <div className="outline-heading">
        <h2>{t("Keyboard shortcuts")}</h2>
        <button type="button" className="tiny" autoFocus aria-label={t("Close")} onClick={close}>
          <X size={16} aria-hidden="true" />
        </button>
      </div>
      <p>{t("They work while the focus is on the canvas.")}</p>
      <dl className="shortcuts">
        {SHORTCUTS.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(" · ").map((combination) => (
                <kbd key={combination}>{combination}</kbd>
              ))}
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
};
