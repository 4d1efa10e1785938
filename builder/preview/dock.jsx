// The preview's place: the right column, under the properties, with an edge that one moves; on a phone a tab of its own.
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { get, set, useDesk } from "$/public/external/builder/editor/browser/component/desk.js";
import { useTranslation } from "$/public/external/builder/language/language.js";

// Shares of the column in percent. FOLDED leaves the preview only its head, WHOLE gives it everything.
const [FOLDED, USUAL, WHOLE] = [0, 50, 100];
const STEP = 5;
const SNAP = 15; // nearer to an end than that, neither part could be used
const SLIP = 4; // pixels that a click may move
const KEPT = "canevas.preview";
const PHONE = "(max-width: 767px)";

const settled = (share) => (share < SNAP ? FOLDED : share > WHOLE - SNAP ? WHOLE : Math.round(share));

/** As it was left; but whoever opens the preview wants to see it. */
const remembered = () => {
  try {
    return settled(Number(localStorage.getItem(KEPT))) || USUAL;
  } catch {
    return USUAL;
  }
};

const remember = (share) => {
  try {
    localStorage.setItem(KEPT, share);
  } catch {
    // a browser that keeps nothing begins with the usual share
  }
};

/** open: the preview is there. onToggle(): open or close it. Children: what it shows, its header first. */
export const Dock = ({ open, onToggle, children }) => {
  useTab(open, onToggle);
  return open ? <Place>{children}</Place> : null;
};

const Place = ({ children }) => {
  const t = useTranslation();
  const place = useRef(null);
  const [share, setShare] = useState(remembered);
  useLayoutEffect(() => {
    const { style, dataset } = place.current.parentElement;
    style.setProperty("--above", `${WHOLE - share}fr`);
    style.setProperty("--below", `${share}fr`);
    dataset.preview = { [FOLDED]: "folded", [WHOLE]: "whole" }[share] ?? "beside";
    remember(share);
  }, [share]);
  useMakingRoom(setShare);
  useLayoutEffect(() => {
    if (document.activeElement?.id === "run-button") place.current.querySelector("textarea, input, select")?.focus();
  }, []);
  return (
    <section id="preview" className="preview" aria-label={t("Preview")} ref={place}>
      <Edge share={share} setShare={setShare} />
      {children}
    </section>
  );
};

/** The border between properties and preview: dragged, moved with the arrows, and clicked to give the preview all. */
const Edge = ({ share, setShare }) => {
  const t = useTranslation();
  const from = useRef(null);
  const grab = (event) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    from.current = { y: event.clientY, moved: false };
  };
  const drag = (event) => {
    if (!from.current) return;
    from.current.moved ||= Math.abs(event.clientY - from.current.y) > SLIP;
    if (!from.current.moved) return;
    const column = event.currentTarget.closest(".preview").getBoundingClientRect();
    const top = document.querySelector(".editor > .properties").getBoundingClientRect().top;
    setShare(settled((100 * (column.bottom - event.clientY)) / (column.bottom - top)));
  };
  const turn = () => setShare(share === WHOLE || share === FOLDED ? USUAL : WHOLE);
  const release = () => {
    if (from.current && !from.current.moved) turn();
    from.current = null;
  };
  const press = (event) => {
    const moves = {
      ArrowUp: () => setShare(stepped(share, STEP)),
      ArrowDown: () => setShare(stepped(share, -STEP)),
      Home: () => setShare(WHOLE),
      End: () => setShare(FOLDED),
      Enter: turn,
    };
    if (!moves[event.key]) return;
    moves[event.key]();
    event.preventDefault();
  };
  return (
    <div
      className="edge"
      role="separator"
      aria-orientation="horizontal"
      aria-label={t("Height of the preview")}
      aria-controls="preview"
      aria-valuenow={share}
      title={t("Drag to share the column, click to fill it")}
      tabIndex={0}
      onPointerDown={grab}
      onPointerMove={drag}
      onPointerUp={release}
      onPointerCancel={() => (from.current = null)}
      onKeyDown={press}
    />
  );
};

/** An end is left at once: a step that snaps back to it would move nothing. */
const stepped = (share, by) => {
  if (share === FOLDED && by > 0) return SNAP;
  if (share === WHOLE && by < 0) return WHOLE - SNAP;
  return settled(share + by);
};

/** Whoever chooses a step wants to see its properties. */
const useMakingRoom = (setShare) => {
  const chosen = useDesk((desk) => desk.selected.steps);
  const place = useDesk((desk) => desk.reveal);
  useEffect(() => {
    if (chosen.length) setShare((share) => (share === WHOLE ? USUAL : share));
  }, [chosen, place]);
};

/** On a phone the preview is one of the tabs: choosing it opens it, and opening it chooses it. */
const useTab = (open, onToggle) => {
  const panel = useDesk((desk) => desk.panel);
  useEffect(() => {
    if (panel === "preview" && !open) onToggle();
  }, [panel]);
  useEffect(() => {
    if (open && window.matchMedia(PHONE).matches) set({ panel: "preview" });
    if (!open && get().panel === "preview") set({ panel: "canvas" });
  }, [open]);
};
