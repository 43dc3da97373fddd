"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { toast } from "sonner";
import { api, unwrap } from "@/lib/api/client";
import { ApiError } from "@/lib/api/error";
import { SESSION } from "@/lib/query";
import { routes } from "@/lib/routes";

export interface Credentials {
  username: string;
  password: string;
}

/** The session lives in an HttpOnly cookie: scripts never see it, they only learn whether it is accepted. */
export function useSession() {
  return useQuery({
    queryKey: SESSION,
    queryFn: ({ signal }) => unwrap(api.GET("/session", { signal })),
    staleTime: Infinity,
  });
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Credentials) => unwrap(api.POST("/v2/login", { body })),
    onSuccess: () => client.clear(),
  });
}

export function useSignOut() {
  const client = useQueryClient();
  const router = useRouter();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/session/logout", {})),
    onSettled: (_data, error) => {
      if (error && !(error instanceof ApiError && error.isSignedOut)) {
        toast.error("Could not sign out", { description: error.message });
        return;
      }
      client.clear();
      router.replace(routes.login);
    },
  });
}

/** Whom a link is for, and the token to set their password with. Each ask ends the token before. */
export function useInvitation(link: string) {
  return useQuery({
    queryKey: ["invitation", link],
    queryFn: ({ signal }) => unwrap(api.GET("/onboarding/get_token", { params: { query: { invite_link: link } }, signal })),
    enabled: link !== "",
    staleTime: Infinity,
  });
}

export interface Claim {
  link: string;
  token: string;
  userId: string;
  password: string;
}

export function useClaim() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ link, token, userId, password }: Claim) =>
      unwrap(
        api.POST("/onboarding/claim_token", {
          body: { invitation_link: link, user_id: userId, password },
          headers: { authorization: `Bearer ${token}` },
        }),
      ),
    onSuccess: () => client.clear(),
  });
}

/** What to tell someone who could not sign in. */
export function signInMessage(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  if (error.status === 401) return "Wrong username or password.";
  if (error.status === 429) {
    const wait = error.retryAfterSeconds;
    return `Too many attempts. Try again ${wait ? `in ${wait} seconds` : "in a while"}.`;
  }
  return error.message;
}
