"""The pod security standard `restricted`, as Kubernetes 1.37 states it."""

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "name"}
PROFILES = ("RuntimeDefault", "Localhost")


def violations(pod):
    """What of a pod's specification the standard forbids, in words."""
    found = [f"{field} is true" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    found += [f"volume {volume['name']}" for volume in pod.get("volumes", []) if set(volume) - VOLUMES]
    shared = pod.get("securityContext", {})
    if shared.get("sysctls"):
        found.append("sysctls")
    containers = pod.get("initContainers", []) + pod["containers"] + pod.get("ephemeralContainers", [])
    for container in containers:
        found += [f"{container['name']}: {what}" for what in _of_container(container, shared)]
    return found


def _of_container(container, shared):
    own = container.get("securityContext", {})
    either = {**shared, **own}
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "a port of the host"
    if own.get("privileged"):
        yield "privileged"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are not dropped"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    if either.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if either.get("runAsUser") == 0:
        yield "runs as root"
    if either.get("seccompProfile", {}).get("type") not in PROFILES:
        yield "no seccomp profile"
    if either.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in PROFILES:
        yield "AppArmor is off"
