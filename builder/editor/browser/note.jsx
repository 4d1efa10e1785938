// A remark on the canvas: read as it stands, written after a double click or Enter.
import { NodeResizer } from "@xyflow/react";
import { memo, useEffect, useRef, useState } from "react";
import { useDesk } from "./desk.js";
import { Markdown } from "./markdown.jsx";
import { edit } from "./queue.js";
import { useWords } from "./words.js";

/** A note that is only read. */
export const Remark = memo(({ data }) => (
  <div className="remark">
    <Markdown text={data.note.text} />
  </div>
));

export const NoteCard = memo(({ id, selected }) => {
  const t = useWords();
  const note = useDesk((desk) => desk.model.notes[id.slice(5)]);
  const [draft, setDraft] = useState(null);
  const area = useRef(null);
  useEffect(() => {
    area.current?.focus();
  }, [draft === null]);
  if (!note) return null;
  const done = () => {
    if (draft !== null && draft !== note.text) edit({ do: "set_note", note: note.id, text: draft });
    setDraft(null);
  };
  const resized = (_, { x, y, width, height }) =>
    edit({ do: "set_note", note: note.id, at: [x, y], size: [width, height] });
  return (
    <div className={`remark ${selected ? "chosen" : ""}`} onDoubleClick={() => setDraft(note.text)}>
      <NodeResizer isVisible={selected} minWidth={120} minHeight={64} onResizeEnd={resized} />
      {draft === null ? (
        note.text ? <Markdown text={note.text} /> : <p className="empty-note">{t("Double-click to write a note")}</p>
      ) : (
        <textarea
          ref={area}
          className="nodrag nowheel"
          value={draft}
          aria-label={t("Note")}
          onChange={(event) => setDraft(event.target.value)}
          onBlur={done}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Escape") done();
          }}
        />
      )}
    </div>
  );
});
