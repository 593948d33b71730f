# dual-stack: clusters
export KUBECONFIG=/tmp/clustermesh-kind-lab/kubeconfig
docker build -f deploy/Dockerfile --target clustermesh-apiserver -t clustermesh/clustermesh-apiserver:kind .
docker build -f deploy/Dockerfile --target kvstoremesh -t clustermesh/kvstoremesh:kind .
docker build -f deploy/Dockerfile --target clustermesh-agent -t clustermesh/clustermesh-agent:kind .
docker build -f deploy/Dockerfile --target echo -t demo/echo:v1 .
docker build -f deploy/Dockerfile --target dns -t demo/dns:v1 .
docker build -f deploy/Dockerfile --target client -t demo/client:v1 .
kind create cluster --name lab-east --config kind-configs/two-clusters-dual-stack/east.yaml --wait 5m
kubectl config rename-context kind-lab-east east
docker exec lab-east-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-east
kubectl --context east apply --server-side -f /tmp/clustermesh-kind-lab/east.yaml
kind create cluster --name lab-west --config kind-configs/two-clusters-dual-stack/west.yaml --wait 5m
kubectl config rename-context kind-lab-west west
docker exec lab-west-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-west
kubectl --context west apply --server-side -f /tmp/clustermesh-kind-lab/west.yaml
kubectl --context east -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context west -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m

# a dual-stack global service answers over IPv4
clustermesh connect --context east --destination-context west --connection-mode mesh
CLUSTER=east envsubst <scenarios/manifests/echo.yaml | kubectl --context east apply -f -
CLUSTER=west envsubst <scenarios/manifests/echo.yaml | kubectl --context west apply -f -
kubectl --context east apply -f dual.yaml
kubectl --context west apply -f dual.yaml
kubectl --context east apply -f scenarios/manifests/client.yaml
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# and over IPv6, TCP and UDP
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[1]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30 --peer $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[1]}')
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[1]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="UDP")].port}') --protocol UDP --requests 30
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[1]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="UDP")].port}') --protocol UDP --requests 30 --socket unconnected

# and over IPv4 through IPv6 sockets
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address ::ffff:$(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30 --peer ::ffff:$(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}')

# no local backend - IPv6 fails over as IPv4 does
kubectl --context east -n demo scale deployment echo --replicas 0
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[1]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# logs, if it fails; and the end
kind export logs collected/dual-stack/east --name lab-east
kind export logs collected/dual-stack/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-west
