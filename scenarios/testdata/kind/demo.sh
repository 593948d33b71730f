# demo: clusters
export KUBECONFIG=/tmp/clustermesh-kind-lab/kubeconfig
docker build -f deploy/Dockerfile --target clustermesh-apiserver -t clustermesh/clustermesh-apiserver:kind .
docker build -f deploy/Dockerfile --target kvstoremesh -t clustermesh/kvstoremesh:kind .
docker build -f deploy/Dockerfile --target clustermesh-agent -t clustermesh/clustermesh-agent:kind .
docker build -f deploy/Dockerfile --target echo -t demo/echo:v1 .
docker build -f deploy/Dockerfile --target dns -t demo/dns:v1 .
docker build -f deploy/Dockerfile --target client -t demo/client:v1 .
kind create cluster --name lab-east --config kind-configs/three-clusters-2-nodes/east.yaml --wait 5m
kubectl config rename-context kind-lab-east east
kubectl --context east taint node lab-east-control-plane node-role.kubernetes.io/control-plane:NoSchedule-
docker exec lab-east-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
docker exec lab-east-worker sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-east
kubectl --context east apply --server-side -f /tmp/clustermesh-kind-lab/east.yaml
kind create cluster --name lab-north --config kind-configs/three-clusters-2-nodes/north.yaml --wait 5m
kubectl config rename-context kind-lab-north north
kubectl --context north taint node lab-north-control-plane node-role.kubernetes.io/control-plane:NoSchedule-
docker exec lab-north-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
docker exec lab-north-worker sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-north
kubectl --context north apply --server-side -f /tmp/clustermesh-kind-lab/north.yaml
kind create cluster --name lab-west --config kind-configs/three-clusters-2-nodes/west.yaml --wait 5m
kubectl config rename-context kind-lab-west west
kubectl --context west taint node lab-west-control-plane node-role.kubernetes.io/control-plane:NoSchedule-
docker exec lab-west-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
docker exec lab-west-worker sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-west
kubectl --context west apply --server-side -f /tmp/clustermesh-kind-lab/west.yaml
kubectl --context east -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context north -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context north -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context west -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m

# connect the three clusters
clustermesh connect --context east --destination-context north --destination-context west --connection-mode mesh
clustermesh status --context east
clustermesh status --context east
clustermesh status --context north

# answers come from all clusters
CLUSTER=east envsubst <scenarios/manifests/echo.yaml | kubectl --context east apply -f -
CLUSTER=north envsubst <scenarios/manifests/echo.yaml | kubectl --context north apply -f -
CLUSTER=west envsubst <scenarios/manifests/echo.yaml | kubectl --context west apply -f -
kubectl --context east apply -f scenarios/manifests/client.yaml
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# affinity local - the service stays at home
kubectl --context east -n demo annotate --overwrite service echo service.cilium.io/affinity=local
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# no local backend left - failover to the others
kubectl --context east -n demo scale deployment echo --replicas 0
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# local backends are back - and are preferred again
kubectl --context east -n demo scale deployment echo --replicas 2
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# affinity none - all clusters answer again
kubectl --context east -n demo annotate --overwrite service echo service.cilium.io/affinity=none
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# a policy of north keeps other clusters out - no answer from there
for CLUSTER in north; do kubectl --context $CLUSTER apply -f - <<EOF
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: own-cluster-only, namespace: demo }
spec:
  podSelector: { matchLabels: { app: echo } }
  ingress: [{ from: [{ namespaceSelector: {} }] }]
EOF
done
kubectl --context east -n demo exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n demo get pod -l app=echo -o jsonpath={.items[0].status.podIP}):8080/TCP,$(kubectl --context north -n demo get pod -l app=echo -o jsonpath={.items[0].status.podIP}):8080/TCP
clustermesh observe --verdict dropped --last 5 --context north
kubectl --context north -n demo delete networkpolicy own-cluster-only

# the policy is deleted - all clusters answer again
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# north's etcd is cut off - nothing is lost, its age is shown
docker exec lab-north-control-plane sh -c 'iptables -t mangle -N MESH-CUT-IN 2>/dev/null && iptables -t mangle -I PREROUTING -j MESH-CUT-IN; true'
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-control-plane) -p tcp -j DROP
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-worker) -p tcp -j DROP
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-control-plane) -p tcp -j DROP
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-worker) -p tcp -j DROP
docker exec lab-north-control-plane sh -c 'iptables -t mangle -N MESH-CUT-OUT 2>/dev/null && iptables -t mangle -I POSTROUTING -j MESH-CUT-OUT; true'
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-control-plane) -p tcp -j DROP
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-worker) -p tcp -j DROP
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-control-plane) -p tcp -j DROP
docker exec lab-north-control-plane iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-worker) -p tcp -j DROP
docker exec lab-north-worker sh -c 'iptables -t mangle -N MESH-CUT-IN 2>/dev/null && iptables -t mangle -I PREROUTING -j MESH-CUT-IN; true'
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-control-plane) -p tcp -j DROP
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-worker) -p tcp -j DROP
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-control-plane) -p tcp -j DROP
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-IN -s $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-worker) -p tcp -j DROP
docker exec lab-north-worker sh -c 'iptables -t mangle -N MESH-CUT-OUT 2>/dev/null && iptables -t mangle -I POSTROUTING -j MESH-CUT-OUT; true'
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-control-plane) -p tcp -j DROP
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-east-worker) -p tcp -j DROP
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-control-plane) -p tcp -j DROP
docker exec lab-north-worker iptables -t mangle -A MESH-CUT-OUT -d $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' lab-west-worker) -p tcp -j DROP
clustermesh status --context east
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# a pod of north is deleted meanwhile, the link comes back - it is gone
kubectl --context north -n demo delete $(kubectl --context north -n demo get pod -l app=echo -o name | head -1)
docker exec lab-north-control-plane sh -c 'iptables -t mangle -F MESH-CUT-IN 2>/dev/null; iptables -t mangle -F MESH-CUT-OUT 2>/dev/null; true'
docker exec lab-north-worker sh -c 'iptables -t mangle -F MESH-CUT-IN 2>/dev/null; iptables -t mangle -F MESH-CUT-OUT 2>/dev/null; true'
clustermesh status --context east
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# disconnect west - its entries are drained
clustermesh disconnect --context east --destination-context west
clustermesh status --context east
clustermesh inspect ipcache --context east
kubectl --context east -n demo exec -i client -- node /probe/requests.mjs --address $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.clusterIPs[0]}') --port $(kubectl --context east -n demo get service echo -o jsonpath='{.spec.ports[?(@.protocol=="TCP")].port}') --protocol TCP --requests 30

# logs, if it fails; and the end
kind export logs collected/demo/east --name lab-east
kind export logs collected/demo/north --name lab-north
kind export logs collected/demo/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-north
kind delete cluster --name lab-west
