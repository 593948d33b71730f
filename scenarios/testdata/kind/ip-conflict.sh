# ip-conflict: clusters
export KUBECONFIG=/tmp/clustermesh-kind-lab/kubeconfig
docker build -f deploy/Dockerfile --target clustermesh-apiserver -t clustermesh/clustermesh-apiserver:kind .
docker build -f deploy/Dockerfile --target kvstoremesh -t clustermesh/kvstoremesh:kind .
docker build -f deploy/Dockerfile --target clustermesh-agent -t clustermesh/clustermesh-agent:kind .
docker build -f deploy/Dockerfile --target echo -t demo/echo:v1 .
docker build -f deploy/Dockerfile --target dns -t demo/dns:v1 .
docker build -f deploy/Dockerfile --target client -t demo/client:v1 .
kind create cluster --name lab-east --config kind-configs/three-clusters/east.yaml --wait 5m
kubectl config rename-context kind-lab-east east
docker exec lab-east-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-east
kubectl --context east apply --server-side -f /tmp/clustermesh-kind-lab/east.yaml
kind create cluster --name lab-north --config kind-configs/three-clusters/north.yaml --wait 5m
kubectl config rename-context kind-lab-north north
docker exec lab-north-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-north
kubectl --context north apply --server-side -f /tmp/clustermesh-kind-lab/north.yaml
kind create cluster --name lab-west --config kind-configs/three-clusters/west.yaml --wait 5m
kubectl config rename-context kind-lab-west west
docker exec lab-west-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-west
kubectl --context west apply --server-side -f /tmp/clustermesh-kind-lab/west.yaml
kubectl --context east -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context north -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context north -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context west -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m

# a global service of three clusters
clustermesh connect --context east --destination-context north --destination-context west --connection-mode mesh
CLUSTER=east envsubst <scenarios/manifests/echo.yaml | kubectl --context east apply -f -
CLUSTER=north envsubst <scenarios/manifests/echo.yaml | kubectl --context north apply -f -
CLUSTER=west envsubst <scenarios/manifests/echo.yaml | kubectl --context west apply -f -
kubectl --context east apply -f scenarios/manifests/client.yaml
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context north
clustermesh inspect backends --context north
clustermesh status --context west
clustermesh inspect backends --context west
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# north claims the address of a pod of west - east shows the conflict and believes west
kubectl --context east -n demo exec -i client -- node /probe/traffic.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --connections established --every 10 --streams 8 &
kubectl --context north apply -f ghost.yaml
IP=$(kubectl --context west -n demo get pod -l app=echo -o jsonpath='{.items[0].status.podIP}')
kubectl --context north -n demo patch pod ghost --subresource status --type merge -p '{"status":{"phase":"Running","podIP":"'$IP'","podIPs":[{"ip":"'$IP'"}]}}'
clustermesh inspect ipcache --context east
clustermesh inspect ipcache --context east
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 200

# north claims the address of a pod of east - east believes itself
IP=$(kubectl --context east -n demo get pod -l app=echo -o jsonpath='{.items[0].status.podIP}')
kubectl --context north -n demo patch pod ghost --subresource status --type merge -p '{"status":{"phase":"Running","podIP":"'$IP'","podIPs":[{"ip":"'$IP'"}]}}'
clustermesh inspect ipcache --context east
clustermesh inspect ipcache --context west
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 200

# the claim is taken back - no conflict is left
kubectl --context north delete -f ghost.yaml --grace-period 0 --force
clustermesh inspect ipcache --context east
clustermesh inspect ipcache --context west

# logs, if it fails; and the end
kind export logs collected/ip-conflict/east --name lab-east
kind export logs collected/ip-conflict/north --name lab-north
kind export logs collected/ip-conflict/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-north
kind delete cluster --name lab-west
