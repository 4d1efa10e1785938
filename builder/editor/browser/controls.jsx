// Zoom, fit, tidy, undo and redo, and the small map of the whole flow.
import { MiniMap } from "@xyflow/react";
import { addNote, tidy } from "./actions.js";
import { get, set, useDesk } from "./desk.js";
import { Keyboard, Maximize, Minus, Plus, Redo, StickyNote, Tidy, Undo } from "./marks.jsx";
import { walk } from "./queue.js";
import { fit, lasting } from "./sight.js";
import { useWords } from "./words.js";

const Tool = ({ label, keys, icon: Icon, extra, ...rest }) => (
  <button type="button" className={extra ? "tool extra" : "tool"} aria-label={label} title={keys ? `${label} (${keys})` : label} {...rest}>
    <Icon size={16} aria-hidden="true" />
  </button>
);

/** How much of the flow is in sight. */
export const Zoom = ({ flow, extra = false }) => {
  const t = useWords();
  return (
    <>
      <Tool label={t("Zoom in")} keys="+" icon={Plus} extra={extra} onClick={() => flow.zoomIn({ duration: lasting(200) })} />
      <Tool label={t("Zoom out")} keys="-" icon={Minus} extra={extra} onClick={() => flow.zoomOut({ duration: lasting(200) })} />
      <Tool label={t("Fit the view")} keys="1" icon={Maximize} onClick={() => fit(flow)} />
    </>
  );
};

/** "Undo: change prompt of ask", or "Undo" when there is nothing to undo. */
const named = (t, verb, what) => (what ? `${verb}: ${t(...what)}` : verb);

export const Controls = ({ flow }) => {
  const t = useWords();
  const undo = useDesk((desk) => desk.undo);
  const redo = useDesk((desk) => desk.redo);
  return (
    <div className="tools" role="toolbar" aria-label={t("Canvas tools")}>
      <Tool label={named(t, t("Undo"), undo)} keys="Ctrl Z" icon={Undo} disabled={!undo} onClick={() => walk("undo")} />
      <Tool label={named(t, t("Redo"), redo)} keys="Ctrl ⇧ Z" icon={Redo} disabled={!redo} onClick={() => walk("redo")} />
      <hr />
      <Zoom flow={flow} extra />
      <hr />
      <Tool label={t("Tidy up")} icon={Tidy} onClick={tidy} disabled={!get().model.order.length} />
      <Tool label={t("Add a note")} icon={StickyNote} extra onClick={() => addNote()} />
      <Tool label={t("Keyboard shortcuts")} keys="?" icon={Keyboard} extra onClick={() => set({ help: true })} />
    </div>
  );
};

export const Map = () => {
  const t = useWords();
  const tiny = useDesk((desk) => desk.tiny);
  if (tiny) return null;
  return (
    <MiniMap
      className="map"
      ariaLabel={t("Map of the flow")}
      nodeClassName={(node) => (node.type === "note" ? "note" : `${node.data.step.group} ${node.data.box?.rooms.length ? "frame" : ""}`)}
      nodeBorderRadius={24}
      pannable
      zoomable
    />
  );
};
