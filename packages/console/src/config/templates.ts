/** What a new object can begin with. */

export const TEMPLATES: readonly { readonly id: string; readonly name: string; readonly text: string }[] = [
  {
    id: "virtual-service",
    name: "VirtualService",
    text: `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: 
  namespace: default
spec:
  hosts:
  - 
  http:
  - route:
    - destination:
        host: 
`,
  },
  {
    id: "destination-rule",
    name: "DestinationRule",
    text: `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: 
  namespace: default
spec:
  host: 
`,
  },
  {
    id: "authorization-policy",
    name: "AuthorizationPolicy",
    text: `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: 
  namespace: default
spec:
  action: ALLOW
  rules:
  - from:
    - source:
        principals: []
`,
  },
  {
    id: "peer-authentication",
    name: "PeerAuthentication",
    text: `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: default
  namespace: default
spec:
  mtls:
    mode: STRICT
`,
  },
  {
    id: "fallback",
    name: "Fallback",
    text: `apiVersion: tulle.dev/v1alpha1
kind: Fallback
metadata:
  name: 
  namespace: default
spec:
  host: 
  rules:
  - on: [CircuitBreakerOpen, NoHealthyUpstream]
    respond:
      status: 200
      body: { json: {} }
`,
  },
  { id: "empty", name: "Nothing", text: "" },
];
