"use client";

import { useRouter, useSearchParams } from "next/navigation";
import { useState, type FormEvent } from "react";
import { LoadFailed } from "@/components/states";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Skeleton } from "@/components/ui/skeleton";
import { ApiError } from "@/lib/api/error";
import { routes } from "@/lib/routes";
import { useClaim, useInvitation } from "./api";
import { Door } from "./door";
import { PasswordInput } from "./password-input";

const PASSWORD_CHARS_MIN = 8;

/** Behind the link of an invitation: the user sets a password and is signed in. */
export function OnboardingView() {
  const link = useSearchParams().get("invitation_id") ?? "";
  const invitation = useInvitation(link);
  const router = useRouter();
  const refused = invitation.error instanceof ApiError && invitation.error.status === 401;
  return (
    <Door title="You are invited" note="Choose a password. The link works once.">
      {invitation.isSuccess ? (
        <PasswordForm link={link} {...invitation.data} onDone={() => router.replace(routes.overview)} />
      ) : refused || link === "" ? (
        <p role="alert" data-testid="invitation-refused" className="text-[13px] text-muted-foreground">
          {invitation.error?.message ?? "The address of an invitation is not whole."} Ask for a new invitation.
        </p>
      ) : invitation.isError ? (
        <LoadFailed error={invitation.error} retry={() => void invitation.refetch()} what="the invitation" />
      ) : (
        <Skeleton className="h-32" />
      )}
    </Door>
  );
}

interface PasswordFormProps {
  link: string;
  token: string;
  user_id: string;
  user_email?: string | null;
  onDone: () => void;
}

function PasswordForm({ link, token, user_id, user_email, onDone }: PasswordFormProps) {
  const [password, setPassword] = useState("");
  const claim = useClaim();

  function submit(event: FormEvent) {
    event.preventDefault();
    claim.mutate({ link, token, userId: user_id, password }, { onSuccess: onDone });
  }

  return (
    <form onSubmit={submit} className="grid gap-5">
      <input type="hidden" autoComplete="username" value={user_email ?? user_id} readOnly />
      <Field
        label="New password"
        hint={`For ${user_email ?? user_id}. At least ${PASSWORD_CHARS_MIN} characters.`}
        error={claim.error?.message}
      >
        {(control) => (
          <PasswordInput
            {...control}
            data-testid="invitation-password"
            autoComplete="new-password"
            autoFocus
            required
            minLength={PASSWORD_CHARS_MIN}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" busy={claim.isPending} data-testid="invitation-submit" className="w-full">
        Set password and sign in
      </Button>
    </form>
  );
}
