# agent-restart-under-load: clusters
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

# a global service of two clusters, with new and with old connections
clustermesh connect --context east --destination-context west --connection-mode mesh
CLUSTER=east envsubst <scenarios/manifests/echo.yaml | kubectl --context east apply -f -
CLUSTER=west envsubst <scenarios/manifests/echo.yaml | kubectl --context west apply -f -
kubectl --context east apply -f scenarios/manifests/client.yaml
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# a connection every 3 ms, and 16 that live on
kubectl --context east -n demo exec -i client -- node /probe/traffic.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --connections new --every 3 &
kubectl --context east -n demo exec -i client -- node /probe/traffic.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --connections established --every 10 --streams 16 &

# the agents of both clusters are restarted
kubectl --context east -n kube-system delete pod -l app.kubernetes.io/name=clustermesh-agent
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent
kubectl --context west -n kube-system delete pod -l app.kubernetes.io/name=clustermesh-agent
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# the agents of both clusters are killed
docker exec lab-east-control-plane sh -c "grep -alE '[a]gent/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
docker exec lab-west-control-plane sh -c "grep -alE '[a]gent/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# backends change while the agent of east is away - the next one knows
docker exec lab-east-control-plane sh -c "grep -alE '[a]gent/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
kubectl --context west -n demo scale deployment echo --replicas 4
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# nothing fails late
sleep 4

# logs, if it fails; and the end
kind export logs collected/agent-restart-under-load/east --name lab-east
kind export logs collected/agent-restart-under-load/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-west
