# policy-spoofing: clusters
export KUBECONFIG=/tmp/clustermesh-kind-lab/kubeconfig
docker build -f deploy/Dockerfile --target clustermesh-apiserver -t clustermesh/clustermesh-apiserver:kind .
docker build -f deploy/Dockerfile --target kvstoremesh -t clustermesh/kvstoremesh:kind .
docker build -f deploy/Dockerfile --target clustermesh-agent -t clustermesh/clustermesh-agent:kind .
docker build -f deploy/Dockerfile --target echo -t demo/echo:v1 .
docker build -f deploy/Dockerfile --target dns -t demo/dns:v1 .
docker build -f deploy/Dockerfile --target client -t demo/client:v1 .
kind create cluster --name lab-east --config kind-configs/two-clusters-2-nodes/east.yaml --wait 5m
kubectl config rename-context kind-lab-east east
kubectl --context east taint node lab-east-control-plane node-role.kubernetes.io/control-plane:NoSchedule-
docker exec lab-east-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
docker exec lab-east-worker sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-east
kubectl --context east apply --server-side -f /tmp/clustermesh-kind-lab/east.yaml
kind create cluster --name lab-west --config kind-configs/two-clusters-2-nodes/west.yaml --wait 5m
kubectl config rename-context kind-lab-west west
docker exec lab-west-control-plane sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
kind load docker-image clustermesh/clustermesh-apiserver:kind clustermesh/kvstoremesh:kind clustermesh/clustermesh-agent:kind demo/echo:v1 demo/dns:v1 demo/client:v1 --name lab-west
kubectl --context west apply --server-side -f /tmp/clustermesh-kind-lab/west.yaml
kubectl --context east -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context east -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m
kubectl --context west -n kube-system rollout status deployment/clustermesh-apiserver --timeout 5m
kubectl --context west -n kube-system rollout status daemonset/clustermesh-agent --timeout 5m

# a policy of west allows client of east alone
clustermesh connect --context east --destination-context west --connection-mode mesh
kubectl --context east apply -f pods.yaml
kubectl --context west apply -f pods.yaml
kubectl --context east apply -f node.yaml
kubectl --context west apply -f node.yaml
kubectl --context east apply -f neighbour.yaml
kubectl --context west apply -f web-from-client.yaml
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP
kubectl --context east -n shop exec -i neighbour -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod client -o jsonpath={.status.podIP}):8080/TCP,$(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP
kubectl --context east -n shop exec -i web -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP

# datagrams of client arrive
# not shown: pods have no right to forge packets on kind

# another pod sends with the address of client - dropped where it comes from
# not shown: pods have no right to forge packets on kind

# another pod sends with the address of a pod of west - dropped where it comes from
# not shown: pods have no right to forge packets on kind

# a packet that the node of client itself puts into the tunnel as client would be - it arrives
# not shown: pods have no right to forge packets on kind

# the same as another pod, with the identity of client - dropped where it arrives
# not shown: pods have no right to forge packets on kind

# the same as a pod of another node - dropped where it arrives
# not shown: pods have no right to forge packets on kind

# the same as client, from an address in the underlay that no node has - dropped where it arrives
# not shown: pods have no right to forge packets on kind

# the same with an address that nobody has - dropped where it arrives
# not shown: pods have no right to forge packets on kind

# a pod whose identity is not known - it reaches nobody in another cluster, and nobody there reaches it
kubectl --context east -n kube-system scale deployment clustermesh-apiserver --replicas 0
kubectl --context east apply -f newcomer.yaml
kubectl --context east -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod client -o jsonpath={.status.podIP}):8080/TCP
kubectl --context east -n shop exec -i newcomer -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod client -o jsonpath={.status.podIP}):8080/TCP
kubectl --context west -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context east -n shop get pod newcomer -o jsonpath={.status.podIP}):8080/TCP

# its identity is known - it gets what that may
kubectl --context east -n kube-system scale deployment clustermesh-apiserver --replicas 1
kubectl --context east -n shop exec -i newcomer -- node /probe/connections.mjs --to $(kubectl --context west -n shop get pod client -o jsonpath={.status.podIP}):8080/TCP,$(kubectl --context west -n shop get pod web -o jsonpath={.status.podIP}):8080/TCP
kubectl --context west -n shop exec -i client -- node /probe/connections.mjs --to $(kubectl --context east -n shop get pod newcomer -o jsonpath={.status.podIP}):8080/TCP

# logs, if it fails; and the end
kind export logs collected/policy-spoofing/east --name lab-east
kind export logs collected/policy-spoofing/west --name lab-west
kind delete cluster --name lab-east
kind delete cluster --name lab-west
