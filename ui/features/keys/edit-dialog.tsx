"use client";

import { toast } from "sonner";
import { Dialog, DialogContent, DialogDescription, DialogHeader, DialogTitle } from "@/components/ui/dialog";
import { useUpdateKey } from "./api";
import { KeyForm } from "./form";
import { draftOf, EXPIRIES_OF_EDIT, keyTitle, toUpdateBody, type KeyBody, type KeyRow } from "./schema";

interface EditKeyProps {
  row: KeyRow | null;
  onClose: () => void;
}

export function EditKeyDialog({ row, onClose }: EditKeyProps) {
  return (
    <Dialog open={row !== null} onOpenChange={(open) => !open && onClose()}>
      <DialogContent data-testid="key-edit-dialog">{row && <EditForm row={row} onClose={onClose} />}</DialogContent>
    </Dialog>
  );
}

function EditForm({ row, onClose }: { row: KeyRow; onClose: () => void }) {
  const update = useUpdateKey();

  function submit(body: KeyBody) {
    update.mutate(body, {
      onSuccess: () => {
        toast.success(`Saved ${body.key_alias ?? keyTitle(row)}`);
        onClose();
      },
    });
  }

  return (
    <>
      <DialogHeader>
        <DialogTitle>Edit {keyTitle(row)}</DialogTitle>
        <DialogDescription>Every gateway keeps to the new bounds within a second.</DialogDescription>
      </DialogHeader>
      <KeyForm
        initial={draftOf(row)}
        expiries={EXPIRIES_OF_EDIT}
        toBody={(draft) => toUpdateBody(draft, row.token)}
        submitLabel="Save"
        busy={update.isPending}
        refusal={update.error?.message}
        onSubmit={submit}
      />
    </>
  );
}
