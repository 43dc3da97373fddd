"use client";

import { toast } from "sonner";
import { Confirm } from "@/components/ui/alert-dialog";
import { useDeleteKey } from "./api";
import { keyTitle, type KeyRow } from "./schema";

interface DeleteKeyProps {
  row: KeyRow | null;
  onClose: () => void;
  onDeleted: (row: KeyRow) => void;
}

export function DeleteKeyDialog({ row, onClose, onDeleted }: DeleteKeyProps) {
  const remove = useDeleteKey();

  function confirm() {
    if (!row) return;
    remove.mutate(row.token, {
      onSuccess: () => {
        toast.success(`Deleted ${keyTitle(row)}`);
        onDeleted(row);
        onClose();
      },
      onError: (error) => toast.error("Could not delete the key", { description: error.message }),
    });
  }

  return (
    <Confirm
      open={row !== null}
      onOpenChange={(open) => !open && onClose()}
      title={row ? `Delete ${keyTitle(row)}?` : "Delete the key?"}
      description="Applications that use it are refused within a second. This cannot be undone; what it spent stays on record. To stop it for a while, block it instead."
      confirmLabel="Delete key"
      tone="destructive"
      busy={remove.isPending}
      onConfirm={confirm}
      confirmProps={{ "data-testid": "key-delete-confirm" }}
    />
  );
}
