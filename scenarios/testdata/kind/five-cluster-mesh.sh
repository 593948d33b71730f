# five-cluster-mesh: clusters
export KUBECONFIG=/tmp/clustermesh-kind-lab/kubeconfig
docker build -f deploy/Dockerfile --target clustermesh-apiserver -t clustermesh/clustermesh-apiserver:kind .
docker build -f deploy/Dockerfile --target kvstoremesh -t clustermesh/kvstoremesh:kind .
docker build -f deploy/Dockerfile --target clustermesh-agent -t clustermesh/clustermesh-agent:kind .
docker build -f deploy/Dockerfile --target echo -t demo/echo:v1 .
docker build -f deploy/Dockerfile --target dns -t demo/dns:v1 .
docker build -f deploy/Dockerfile --target client -t demo/client:v1 .
kind create cluster --name lab-centre --config kind-configs/five-clusters/centre.yaml --wait 5m
kubectl config rename-context kind-lab-centre centre
docker exec lab-centre-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-centre
kubectl --context centre apply --server-side -f /tmp/clustermesh-kind-lab/centre.yaml
kind create cluster --name lab-east --config kind-configs/five-clusters/east.yaml --wait 5m
kubectl config rename-context kind-lab-east east
docker exec lab-east-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-east
kubectl --context east apply --server-side -f /tmp/clustermesh-kind-lab/east.yaml
kind create cluster --name lab-north --config kind-configs/five-clusters/north.yaml --wait 5m
kubectl config rename-context kind-lab-north north
docker exec lab-north-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-north
kubectl --context north apply --server-side -f /tmp/clustermesh-kind-lab/north.yaml
kind create cluster --name lab-south --config kind-configs/five-clusters/south.yaml --wait 5m
kubectl config rename-context kind-lab-south south
docker exec lab-south-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-south
kubectl --context south apply --server-side -f /tmp/clustermesh-kind-lab/south.yaml
kind create cluster --name lab-west --config kind-configs/five-clusters/west.yaml --wait 5m
kubectl config rename-context kind-lab-west west
docker exec lab-west-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-west
kubectl --context west apply --server-side -f /tmp/clustermesh-kind-lab/west.yaml
kubectl --context centre -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context centre -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context east -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context north -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context north -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context south -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context south -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context west -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m

# all five answer, in each of them
clustermesh connect --context centre --destination-context east --destination-context north --destination-context south --destination-context west --connection-mode mesh
CLUSTER=centre envsubst <scenarios/manifests/echo.yaml | kubectl --context centre apply -f -
CLUSTER=east envsubst <scenarios/manifests/echo.yaml | kubectl --context east apply -f -
CLUSTER=north envsubst <scenarios/manifests/echo.yaml | kubectl --context north apply -f -
CLUSTER=south envsubst <scenarios/manifests/echo.yaml | kubectl --context south apply -f -
CLUSTER=west envsubst <scenarios/manifests/echo.yaml | kubectl --context west apply -f -
kubectl --context centre apply -f scenarios/manifests/client.yaml
kubectl --context west apply -f scenarios/manifests/client.yaml
clustermesh status --context centre
clustermesh inspect backends --context centre
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context north
clustermesh inspect backends --context north
clustermesh status --context south
clustermesh inspect backends --context south
clustermesh status --context west
clustermesh inspect backends --context west
kubectl --context centre -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context centre -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context centre -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 300
kubectl --context west -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context west -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context west -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 100

# the control plane of south is away - the four others are ready, and all five still answer
docker exec lab-south-control-plane sh -c 'iptables -t mangle -N MESH-CUT-IN 2>/dev/null && iptables -t mangle -I PREROUTING -j MESH-CUT-IN; true'
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-centre-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-north-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane sh -c 'iptables -t mangle -N MESH-CUT-OUT 2>/dev/null && iptables -t mangle -I POSTROUTING -j MESH-CUT-OUT; true'
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-centre-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-north-control-plane) -p tcp -j DROP
docker exec lab-south-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-control-plane) -p tcp -j DROP
clustermesh status --context centre
clustermesh status --context centre
clustermesh status --context west
kubectl --context centre -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context centre -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context centre -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 100

# it is back, and everybody knows everything
docker exec lab-south-control-plane sh -c 'iptables -t mangle -F MESH-CUT-IN 2>/dev/null; iptables -t mangle -F MESH-CUT-OUT 2>/dev/null; true'
clustermesh status --context centre
clustermesh inspect backends --context centre
clustermesh status --context east
clustermesh inspect backends --context east
clustermesh status --context north
clustermesh inspect backends --context north
clustermesh status --context south
clustermesh inspect backends --context south
clustermesh status --context west
clustermesh inspect backends --context west

# centre leaves west - the others stay connected with both
clustermesh disconnect --context centre --destination-context west
clustermesh status --context centre
clustermesh status --context east
clustermesh status --context east
clustermesh inspect ipcache --context centre
kubectl --context centre -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context centre -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context centre -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 100

# logs, if it fails; and the end
kind export logs collected/five-cluster-mesh/centre --name lab-centre
kind export logs collected/five-cluster-mesh/east --name lab-east
kind export logs collected/five-cluster-mesh/north --name lab-north
kind export logs collected/five-cluster-mesh/south --name lab-south
kind export logs collected/five-cluster-mesh/west --name lab-west
kind delete cluster --name lab-centre
kind delete cluster --name lab-east
kind delete cluster --name lab-north
kind delete cluster --name lab-south
kind delete cluster --name lab-west
