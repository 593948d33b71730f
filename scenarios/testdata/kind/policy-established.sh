# policy-established: clusters
export KUBECONFIG=/tmp/clustermesh-kind-lab/kubeconfig
docker build -f deploy/Dockerfile --target clustermesh-apiserver -t clustermesh/clustermesh-apiserver:kind .
docker build -f deploy/Dockerfile --target kvstoremesh -t clustermesh/kvstoremesh:kind .
docker build -f deploy/Dockerfile --target clustermesh-agent -t clustermesh/clustermesh-agent:kind .
docker build -f deploy/Dockerfile --target echo -t demo/echo:v1 .
docker build -f deploy/Dockerfile --target dns -t demo/dns:v1 .
docker build -f deploy/Dockerfile --target client -t demo/client:v1 .
kind create cluster --name lab-east --config kind-configs/two-clusters/east.yaml --wait 5m
kubectl config rename-context kind-lab-east east
docker exec lab-east-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-east
kubectl --context east apply --server-side -f /tmp/clustermesh-kind-lab/east.yaml
kind create cluster --name lab-west --config kind-configs/two-clusters/west.yaml --wait 5m
kubectl config rename-context kind-lab-west west
docker exec lab-west-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-west
kubectl --context west apply --server-side -f /tmp/clustermesh-kind-lab/west.yaml
kubectl --context east -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context west -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m

# a policy allows a client in east to reach a server in west, and nobody else
clustermesh connect --context east --destination-context west --connection-mode mesh
CLUSTER=east envsubst <scenarios/manifests/policy-pods.yaml | kubectl --context east apply -f -
CLUSTER=west envsubst <scenarios/manifests/policy-pods.yaml | kubectl --context west apply -f -
kubectl --context west apply -f allow.yaml
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP,$(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8081/TCP
kubectl --context east -n shop exec -i db -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# connections that live on
kubectl --context east -n shop exec -i client -- node /probe/traffic.mjs --address $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}) --port 8080 --protocol TCP --connections established --every 10 --streams 8 &

# both agents are restarted - the connections go on, the rest stays refused
kubectl --context east -n kube-system delete pod -l app.kubernetes.io/name=clustermesh-agent
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent
kubectl --context west -n kube-system delete pod -l app.kubernetes.io/name=clustermesh-agent
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP
kubectl --context east -n shop exec -i db -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# the agent of the server is killed - the connections go on, the rest stays refused
docker exec lab-west-control-plane sh -c "grep -alE '[a]gent/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP
kubectl --context east -n shop exec -i db -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# another policy allows the same by other rules - the connections go on
kubectl --context west apply -f allow-otherwise.yaml
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8081/TCP
kubectl --context east -n shop exec -i db -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP
kubectl --context east -n audit exec -i monitor -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# a policy of the server denies it - the connections stop within 1 s
kubectl --context west apply -f deny-ingress.yaml
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# it is allowed again - the connections go on where they were
kubectl --context west apply -f allow.yaml

# a policy of the client denies it - the connections stop within 1 s
kubectl --context east apply -f deny-egress.yaml
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# that policy is deleted - the connections go on where they were
kubectl --context east delete -f deny-egress.yaml --grace-period 0 --force

# logs, if it fails; and the end
kind export logs collected/policy-established/east --name lab-east
kind export logs collected/policy-established/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-west
