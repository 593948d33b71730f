# kill-every-program: clusters
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

# a global service of two clusters, with a client that never rests
clustermesh connect --context east --destination-context west --connection-mode mesh
CLUSTER=east envsubst <scenarios/manifests/echo.yaml | kubectl --context east apply -f -
CLUSTER=west envsubst <scenarios/manifests/echo.yaml | kubectl --context west apply -f -
kubectl --context east apply -f scenarios/manifests/client.yaml
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# a connection every 10 ms, and 16 that live on
kubectl --context east -n demo exec -i client -- node /probe/traffic.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --connections new --every 10 &
kubectl --context east -n demo exec -i client -- node /probe/traffic.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --connections established --every 10 --streams 16 &

# etcd of east
docker exec lab-east-control-plane sh -c "grep -alE '[-]-data-dir=/var/run/etcd' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# clustermesh-apiserver of east
docker exec lab-east-control-plane sh -c "grep -alE '[c]lustermesh-apiserver/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# kvstoremesh of east
docker exec lab-east-control-plane sh -c "grep -alE '[k]vstoremesh/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# clustermesh-agent of east
docker exec lab-east-control-plane sh -c "grep -alE '[a]gent/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# the Kubernetes API of east
docker exec lab-east-control-plane sh -c "grep -alE '^[k]ube-apiserver' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# etcd of west
docker exec lab-west-control-plane sh -c "grep -alE '[-]-data-dir=/var/run/etcd' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# clustermesh-apiserver of west
docker exec lab-west-control-plane sh -c "grep -alE '[c]lustermesh-apiserver/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# kvstoremesh of west
docker exec lab-west-control-plane sh -c "grep -alE '[k]vstoremesh/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# clustermesh-agent of west
docker exec lab-west-control-plane sh -c "grep -alE '[a]gent/dist/main.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# the Kubernetes API of west
docker exec lab-west-control-plane sh -c "grep -alE '^[k]ube-apiserver' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west

# the supervisor of the lab, which runs kubelets and controllers
# not shown: kind has no supervisor

# nothing fails late
sleep 4

# the backends of west are killed, and their connections with them - they come back, the service is whole again
docker exec lab-west-control-plane sh -c "grep -alE '[d]emo/echo.js' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | xargs -r kill -9"
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context west
clustermesh inspect backends --context west
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# logs, if it fails; and the end
kind export logs collected/kill-every-program/east --name lab-east
kind export logs collected/kill-every-program/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-west
