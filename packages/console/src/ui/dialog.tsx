import { useEffect, useRef } from "react";
import type { ReactNode } from "react";

/** The browser's own modal dialog: it keeps the focus and closes on Escape. */
export function Dialog({
  label,
  className = "",
  onClose,
  children,
}: {
  readonly label: string;
  readonly className?: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog ${className}`}
      aria-label={label}
      onClose={onClose}
      onClick={({ target }) => {
        if (target === dialog.current) onClose(); // the backdrop
      }}
    >
      {children}
    </dialog>
  );
}
