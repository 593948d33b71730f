/**
 * The fields of the built-in types, one type a line. Written by tools/kube-fields.mjs from @kubernetes/client-node
 * 2.0.1. `!` is required; after `=` comes what is no plain text: i int32, l int64, d double, b boolean, t time, y bytes
 * in base64, p int or string, q quantity, * anything, [X] a list, {X} a map, or the name of a type.
 */
export const builtinFields = `
AWSElasticBlockStoreVolumeSource: fsType partition=i readOnly=b volumeID!
Affinity: nodeAffinity=NodeAffinity podAffinity=PodAffinity podAntiAffinity=PodAntiAffinity
AggregationRule: clusterRoleSelectors=[LabelSelector]
ApiextensionsV1ServiceReference: name! namespace! path port=i
ApiextensionsV1WebhookClientConfig: caBundle=y service=ApiextensionsV1ServiceReference url
AppArmorProfile: localhostProfile type!
AttachedVolume: devicePath! name!
AzureDiskVolumeSource: cachingMode diskName! diskURI! fsType kind readOnly=b
AzureFileVolumeSource: readOnly=b secretName! shareName!
CSIVolumeSource: driver! fsType nodePublishSecretRef=LocalObjectReference readOnly=b volumeAttributes={s}
Capabilities: add=[s] drop=[s]
CephFSVolumeSource: monitors!=[s] path readOnly=b secretFile secretRef=LocalObjectReference user
CinderVolumeSource: fsType readOnly=b secretRef=LocalObjectReference volumeID!
ClientIPConfig: timeoutSeconds=i
ClusterRole: aggregationRule=AggregationRule apiVersion kind metadata=ObjectMeta rules=[PolicyRule]
ClusterRoleBinding: apiVersion kind metadata=ObjectMeta roleRef!=RoleRef subjects=[RbacV1Subject]
ClusterTrustBundleProjection: labelSelector=LabelSelector name optional=b path! signerName
Condition: lastTransitionTime!=t message! observedGeneration=l reason! status! type!
ConfigMap: apiVersion binaryData={y} data={s} immutable=b kind metadata=ObjectMeta
ConfigMapEnvSource: name optional=b
ConfigMapKeySelector: key! name optional=b
ConfigMapNodeConfigSource: kubeletConfigKey! name! namespace! resourceVersion uid
ConfigMapProjection: items=[KeyToPath] name optional=b
ConfigMapVolumeSource: defaultMode=i items=[KeyToPath] name optional=b
Container: args=[s] command=[s] env=[EnvVar] envFrom=[EnvFromSource] image imagePullPolicy lifecycle=Lifecycle livenessProbe=Probe name! ports=[ContainerPort] readinessProbe=Probe resizePolicy=[ContainerResizePolicy] resources=ResourceRequirements restartPolicy restartPolicyRules=[ContainerRestartRule] securityContext=SecurityContext startupProbe=Probe stdin=b stdinOnce=b terminationMessagePath terminationMessagePolicy tty=b volumeDevices=[VolumeDevice] volumeMounts=[VolumeMount] workingDir
ContainerExtendedResourceRequest: containerName! requestName! resourceName!
ContainerImage: names=[s] sizeBytes=l
ContainerPort: containerPort!=i hostIP hostPort=i name protocol
ContainerResizePolicy: resourceName! restartPolicy!
ContainerRestartRule: action! exitCodes=ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: operator! values=[i]
ContainerState: running=ContainerStateRunning terminated=ContainerStateTerminated waiting=ContainerStateWaiting
ContainerStateRunning: startedAt=t
ContainerStateTerminated: containerID exitCode!=i finishedAt=t message reason signal=i startedAt=t
ContainerStateWaiting: message reason
ContainerStatus: allocatedResources={q} allocatedResourcesStatus=[ResourceStatus] containerID image! imageID! lastState=ContainerState name! ready!=b resources=ResourceRequirements restartCount!=i started=b state=ContainerState stopSignal user=ContainerUser volumeMounts=[VolumeMountStatus]
ContainerUser: linux=LinuxContainerUser
CustomResourceColumnDefinition: description format jsonPath! name! priority=i type!
CustomResourceConversion: strategy! webhook=WebhookConversion
CustomResourceDefinition: apiVersion kind metadata=ObjectMeta spec!=CustomResourceDefinitionSpec status=CustomResourceDefinitionStatus
CustomResourceDefinitionCondition: lastTransitionTime=t message observedGeneration=l reason status! type!
CustomResourceDefinitionNames: categories=[s] kind! listKind plural! shortNames=[s] singular
CustomResourceDefinitionSpec: conversion=CustomResourceConversion group! names!=CustomResourceDefinitionNames preserveUnknownFields=b scope! versions!=[CustomResourceDefinitionVersion]
CustomResourceDefinitionStatus: acceptedNames=CustomResourceDefinitionNames conditions=[CustomResourceDefinitionCondition] observedGeneration=l storedVersions=[s]
CustomResourceDefinitionVersion: additionalPrinterColumns=[CustomResourceColumnDefinition] deprecated=b deprecationWarning name! schema=CustomResourceValidation selectableFields=[SelectableField] served!=b storage!=b subresources=CustomResourceSubresources
CustomResourceSubresourceScale: labelSelectorPath specReplicasPath! statusReplicasPath!
CustomResourceSubresources: scale=CustomResourceSubresourceScale status=*
CustomResourceValidation: openAPIV3Schema=JSONSchemaProps
DaemonEndpoint: Port!=i
DaemonSet: apiVersion kind metadata=ObjectMeta spec=DaemonSetSpec status=DaemonSetStatus
DaemonSetCondition: lastTransitionTime=t message reason status! type!
DaemonSetSpec: minReadySeconds=i revisionHistoryLimit=i selector!=LabelSelector template!=PodTemplateSpec updateStrategy=DaemonSetUpdateStrategy
DaemonSetStatus: collisionCount=i conditions=[DaemonSetCondition] currentNumberScheduled!=i desiredNumberScheduled!=i numberAvailable=i numberMisscheduled!=i numberReady!=i numberUnavailable=i observedGeneration=l updatedNumberScheduled=i
DaemonSetUpdateStrategy: rollingUpdate=RollingUpdateDaemonSet type
Deployment: apiVersion kind metadata=ObjectMeta spec=DeploymentSpec status=DeploymentStatus
DeploymentCondition: lastTransitionTime=t lastUpdateTime=t message reason status! type!
DeploymentSpec: minReadySeconds=i paused=b progressDeadlineSeconds=i replicas=i revisionHistoryLimit=i selector!=LabelSelector strategy=DeploymentStrategy template!=PodTemplateSpec
DeploymentStatus: availableReplicas=i collisionCount=i conditions=[DeploymentCondition] observedGeneration=l readyReplicas=i replicas=i terminatingReplicas=i unavailableReplicas=i updatedReplicas=i
DeploymentStrategy: rollingUpdate=RollingUpdateDeployment type
DownwardAPIProjection: items=[DownwardAPIVolumeFile]
DownwardAPIVolumeFile: fieldRef=ObjectFieldSelector mode=i path! resourceFieldRef=ResourceFieldSelector
DownwardAPIVolumeSource: defaultMode=i items=[DownwardAPIVolumeFile]
EmptyDirVolumeSource: medium sizeLimit=q
Endpoint: addresses!=[s] conditions=EndpointConditions deprecatedTopology={s} hints=EndpointHints hostname nodeName targetRef=ObjectReference zone
EndpointConditions: ready=b serving=b terminating=b
EndpointHints: forNodes=[ForNode] forZones=[ForZone]
EndpointPort: appProtocol name port=i protocol
EndpointSlice: addressType! apiVersion endpoints=[Endpoint] kind metadata=ObjectMeta ports=[EndpointPort]
EnvFromSource: configMapRef=ConfigMapEnvSource prefix secretRef=SecretEnvSource
EnvVar: name! value valueFrom=EnvVarSource
EnvVarSource: configMapKeyRef=ConfigMapKeySelector fieldRef=ObjectFieldSelector fileKeyRef=FileKeySelector resourceFieldRef=ResourceFieldSelector secretKeyRef=SecretKeySelector
EphemeralContainer: args=[s] command=[s] env=[EnvVar] envFrom=[EnvFromSource] image imagePullPolicy lifecycle=Lifecycle livenessProbe=Probe name! ports=[ContainerPort] readinessProbe=Probe resizePolicy=[ContainerResizePolicy] resources=ResourceRequirements restartPolicy restartPolicyRules=[ContainerRestartRule] securityContext=SecurityContext startupProbe=Probe stdin=b stdinOnce=b targetContainerName terminationMessagePath terminationMessagePolicy tty=b volumeDevices=[VolumeDevice] volumeMounts=[VolumeMount] workingDir
EphemeralVolumeSource: volumeClaimTemplate=PersistentVolumeClaimTemplate
Event: action apiVersion count=i eventTime=t firstTimestamp=t involvedObject!=ObjectReference kind lastTimestamp=t message metadata!=ObjectMeta reason related=ObjectReference reportingComponent reportingInstance series=EventSeries source=EventSource type
EventSeries: count=i lastObservedTime=t
EventSource: component host
EventsEvent: action apiVersion deprecatedCount=i deprecatedFirstTimestamp=t deprecatedLastTimestamp=t deprecatedSource=EventSource eventTime!=t kind metadata=ObjectMeta note reason regarding=ObjectReference related=ObjectReference reportingController reportingInstance series=EventsEventSeries type
EventsEventSeries: count!=i lastObservedTime!=t
ExecAction: command=[s]
ExternalDocumentation: description url
FCVolumeSource: fsType lun=i readOnly=b targetWWNs=[s] wwids=[s]
FieldSelectorAttributes: rawSelector requirements=[FieldSelectorRequirement]
FieldSelectorRequirement: key! operator! values=[s]
FileKeySelector: key! optional=b path! volumeName!
FlexVolumeSource: driver! fsType options={s} readOnly=b secretRef=LocalObjectReference
FlockerVolumeSource: datasetName datasetUUID
ForNode: name!
ForZone: name!
GCEPersistentDiskVolumeSource: fsType partition=i pdName! readOnly=b
GRPCAction: port!=i service
GitRepoVolumeSource: directory repository! revision
GlusterfsVolumeSource: endpoints! path! readOnly=b
HTTPGetAction: host httpHeaders=[HTTPHeader] path port!=p scheme
HTTPHeader: name! value!
HostAlias: hostnames=[s] ip!
HostIP: ip!
HostPathVolumeSource: path! type
IPBlock: cidr! except=[s]
ISCSIVolumeSource: chapAuthDiscovery=b chapAuthSession=b fsType initiatorName iqn! iscsiInterface lun!=i portals=[s] readOnly=b secretRef=LocalObjectReference targetPortal!
ImageVolumeSource: pullPolicy reference
ImageVolumeStatus: imageRef!
JSONSchemaProps: $ref $schema additionalItems=* additionalProperties=* allOf=[JSONSchemaProps] anyOf=[JSONSchemaProps] default=* definitions={JSONSchemaProps} dependencies={*} description enum=[*] example=* exclusiveMaximum=b exclusiveMinimum=b externalDocs=ExternalDocumentation format id items=* maxItems=l maxLength=l maxProperties=l maximum=d minItems=l minLength=l minProperties=l minimum=d multipleOf=d not=JSONSchemaProps nullable=b oneOf=[JSONSchemaProps] pattern patternProperties={JSONSchemaProps} properties={JSONSchemaProps} required=[s] title type uniqueItems=b x-kubernetes-embedded-resource=b x-kubernetes-int-or-string=b x-kubernetes-list-map-keys=[s] x-kubernetes-list-type x-kubernetes-map-type x-kubernetes-preserve-unknown-fields=b x-kubernetes-validations=[ValidationRule]
KeyToPath: key! mode=i path!
LabelSelector: matchExpressions=[LabelSelectorRequirement] matchLabels={s}
LabelSelectorAttributes: rawSelector requirements=[LabelSelectorRequirement]
LabelSelectorRequirement: key! operator! values=[s]
Lease: apiVersion kind metadata=ObjectMeta spec=LeaseSpec
LeaseSpec: acquireTime=t holderIdentity leaseDurationSeconds=i leaseTransitions=i preferredHolder renewTime=t strategy
Lifecycle: postStart=LifecycleHandler preStop=LifecycleHandler stopSignal
LifecycleHandler: exec=ExecAction httpGet=HTTPGetAction sleep=SleepAction tcpSocket=TCPSocketAction
LinuxContainerUser: gid!=l supplementalGroups=[l] uid!=l
LoadBalancerIngress: hostname ip ipMode ports=[PortStatus]
LoadBalancerStatus: ingress=[LoadBalancerIngress]
LocalObjectReference: name
ManagedFieldsEntry: apiVersion fieldsType fieldsV1=* manager operation subresource time=t
NFSVolumeSource: path! readOnly=b server!
Namespace: apiVersion kind metadata=ObjectMeta spec=NamespaceSpec status=NamespaceStatus
NamespaceCondition: lastTransitionTime=t message reason status! type!
NamespaceSpec: finalizers=[s]
NamespaceStatus: conditions=[NamespaceCondition] phase
NetworkPolicy: apiVersion kind metadata=ObjectMeta spec=NetworkPolicySpec
NetworkPolicyEgressRule: ports=[NetworkPolicyPort] to=[NetworkPolicyPeer]
NetworkPolicyIngressRule: from=[NetworkPolicyPeer] ports=[NetworkPolicyPort]
NetworkPolicyPeer: ipBlock=IPBlock namespaceSelector=LabelSelector podSelector=LabelSelector
NetworkPolicyPort: endPort=i port=p protocol
NetworkPolicySpec: egress=[NetworkPolicyEgressRule] ingress=[NetworkPolicyIngressRule] podSelector=LabelSelector policyTypes=[s]
Node: apiVersion kind metadata=ObjectMeta spec=NodeSpec status=NodeStatus
NodeAddress: address! type!
NodeAffinity: preferredDuringSchedulingIgnoredDuringExecution=[PreferredSchedulingTerm] requiredDuringSchedulingIgnoredDuringExecution=NodeSelector
NodeAllocatableResourceClaimStatus: containers=[s] resourceClaimName! resources!={s}
NodeCondition: lastHeartbeatTime=t lastTransitionTime=t message reason status! type!
NodeConfigSource: configMap=ConfigMapNodeConfigSource
NodeConfigStatus: active=NodeConfigSource assigned=NodeConfigSource error lastKnownGood=NodeConfigSource
NodeDaemonEndpoints: kubeletEndpoint=DaemonEndpoint
NodeFeatures: supplementalGroupsPolicy=b
NodeRuntimeHandler: features=NodeRuntimeHandlerFeatures name
NodeRuntimeHandlerFeatures: recursiveReadOnlyMounts=b userNamespaces=b
NodeSelector: nodeSelectorTerms!=[NodeSelectorTerm]
NodeSelectorRequirement: key! operator! values=[s]
NodeSelectorTerm: matchExpressions=[NodeSelectorRequirement] matchFields=[NodeSelectorRequirement]
NodeSpec: configSource=NodeConfigSource externalID podCIDR podCIDRs=[s] providerID taints=[Taint] unschedulable=b
NodeStatus: addresses=[NodeAddress] allocatable={q} capacity={q} conditions=[NodeCondition] config=NodeConfigStatus daemonEndpoints=NodeDaemonEndpoints declaredFeatures=[s] features=NodeFeatures images=[ContainerImage] nodeInfo=NodeSystemInfo phase runtimeHandlers=[NodeRuntimeHandler] volumesAttached=[AttachedVolume] volumesInUse=[s]
NodeSwapStatus: capacity=l
NodeSystemInfo: architecture! bootID! containerRuntimeVersion! kernelVersion! kubeProxyVersion! kubeletVersion! machineID! operatingSystem! osImage! swap=NodeSwapStatus systemUUID!
NonResourceAttributes: path verb
NonResourceRule: nonResourceURLs=[s] verbs!=[s]
ObjectFieldSelector: apiVersion fieldPath!
ObjectMeta: annotations={s} creationTimestamp=t deletionGracePeriodSeconds=l deletionTimestamp=t finalizers=[s] generateName generation=l labels={s} managedFields=[ManagedFieldsEntry] name namespace ownerReferences=[OwnerReference] resourceVersion selfLink uid
ObjectReference: apiVersion fieldPath kind name namespace resourceVersion uid
OwnerReference: apiVersion! blockOwnerDeletion=b controller=b kind! name! uid!
PersistentVolumeClaimSpec: accessModes=[s] dataSource=TypedLocalObjectReference dataSourceRef=TypedObjectReference resources=VolumeResourceRequirements selector=LabelSelector storageClassName volumeAttributesClassName volumeMode volumeName
PersistentVolumeClaimTemplate: metadata=ObjectMeta spec!=PersistentVolumeClaimSpec
PersistentVolumeClaimVolumeSource: claimName! readOnly=b
PhotonPersistentDiskVolumeSource: fsType pdID!
Pod: apiVersion kind metadata=ObjectMeta spec=PodSpec status=PodStatus
PodAffinity: preferredDuringSchedulingIgnoredDuringExecution=[WeightedPodAffinityTerm] requiredDuringSchedulingIgnoredDuringExecution=[PodAffinityTerm]
PodAffinityTerm: labelSelector=LabelSelector matchLabelKeys=[s] mismatchLabelKeys=[s] namespaceSelector=LabelSelector namespaces=[s] topologyKey!
PodAntiAffinity: preferredDuringSchedulingIgnoredDuringExecution=[WeightedPodAffinityTerm] requiredDuringSchedulingIgnoredDuringExecution=[PodAffinityTerm]
PodCertificateProjection: certificateChainPath credentialBundlePath keyPath keyType! maxExpirationSeconds=i signerName! userAnnotations={s}
PodCondition: lastProbeTime=t lastTransitionTime=t message observedGeneration=l reason status! type!
PodDNSConfig: nameservers=[s] options=[PodDNSConfigOption] searches=[s]
PodDNSConfigOption: name value
PodExtendedResourceClaimStatus: requestMappings!=[ContainerExtendedResourceRequest] resourceClaimName!
PodIP: ip!
PodOS: name!
PodReadinessGate: conditionType!
PodResourceClaim: name! resourceClaimName resourceClaimTemplateName
PodResourceClaimStatus: name! resourceClaimName
PodSchedulingGate: name!
PodSchedulingGroup: podGroupName
PodSecurityContext: appArmorProfile=AppArmorProfile fsGroup=l fsGroupChangePolicy runAsGroup=l runAsNonRoot=b runAsUser=l seLinuxChangePolicy seLinuxOptions=SELinuxOptions seccompProfile=SeccompProfile supplementalGroups=[l] supplementalGroupsPolicy sysctls=[Sysctl] windowsOptions=WindowsSecurityContextOptions
PodSpec: activeDeadlineSeconds=l affinity=Affinity automountServiceAccountToken=b containers!=[Container] dnsConfig=PodDNSConfig dnsPolicy enableServiceLinks=b ephemeralContainers=[EphemeralContainer] hostAliases=[HostAlias] hostIPC=b hostNetwork=b hostPID=b hostUsers=b hostname hostnameOverride imagePullSecrets=[LocalObjectReference] initContainers=[Container] nodeName nodeSelector={s} os=PodOS overhead={q} preemptionPolicy priority=i priorityClassName readinessGates=[PodReadinessGate] resourceClaims=[PodResourceClaim] resources=ResourceRequirements restartPolicy runtimeClassName schedulerName schedulingGates=[PodSchedulingGate] schedulingGroup=PodSchedulingGroup securityContext=PodSecurityContext serviceAccount serviceAccountName setHostnameAsFQDN=b shareProcessNamespace=b subdomain terminationGracePeriodSeconds=l tolerations=[Toleration] topologySpreadConstraints=[TopologySpreadConstraint] volumes=[Volume]
PodStatus: allocatedResources={q} conditions=[PodCondition] containerStatuses=[ContainerStatus] ephemeralContainerStatuses=[ContainerStatus] extendedResourceClaimStatus=PodExtendedResourceClaimStatus hostIP hostIPs=[HostIP] initContainerStatuses=[ContainerStatus] message nodeAllocatableResourceClaimStatuses=[NodeAllocatableResourceClaimStatus] nominatedNodeName observedGeneration=l phase podIP podIPs=[PodIP] qosClass reason resize resourceClaimStatuses=[PodResourceClaimStatus] resources=ResourceRequirements startTime=t
PodTemplateSpec: metadata=ObjectMeta spec=PodSpec
PolicyRule: apiGroups=[s] nonResourceURLs=[s] resourceNames=[s] resources=[s] verbs!=[s]
PortStatus: error port!=i protocol!
PortworxVolumeSource: fsType readOnly=b volumeID!
PreferredSchedulingTerm: preference!=NodeSelectorTerm weight!=i
Probe: exec=ExecAction failureThreshold=i grpc=GRPCAction httpGet=HTTPGetAction initialDelaySeconds=i periodSeconds=i successThreshold=i tcpSocket=TCPSocketAction terminationGracePeriodSeconds=l timeoutSeconds=i
ProjectedVolumeSource: defaultMode=i sources=[VolumeProjection]
QuobyteVolumeSource: group readOnly=b registry! tenant user volume!
RBDVolumeSource: fsType image! keyring monitors!=[s] pool readOnly=b secretRef=LocalObjectReference user
RbacV1Subject: apiGroup kind! name! namespace
ReplicaSet: apiVersion kind metadata=ObjectMeta spec=ReplicaSetSpec status=ReplicaSetStatus
ReplicaSetCondition: lastTransitionTime=t message reason status! type!
ReplicaSetSpec: minReadySeconds=i replicas=i selector!=LabelSelector template=PodTemplateSpec
ReplicaSetStatus: availableReplicas=i conditions=[ReplicaSetCondition] fullyLabeledReplicas=i observedGeneration=l readyReplicas=i replicas!=i terminatingReplicas=i
ResourceAttributes: fieldSelector=FieldSelectorAttributes group labelSelector=LabelSelectorAttributes name namespace resource subresource verb version
ResourceClaim: name! request
ResourceFieldSelector: containerName divisor=q resource!
ResourceHealth: health message resourceID!
ResourceRequirements: claims=[ResourceClaim] limits={q} requests={q}
ResourceRule: apiGroups=[s] resourceNames=[s] resources=[s] verbs!=[s]
ResourceStatus: name! resources=[ResourceHealth]
Role: apiVersion kind metadata=ObjectMeta rules=[PolicyRule]
RoleBinding: apiVersion kind metadata=ObjectMeta roleRef!=RoleRef subjects=[RbacV1Subject]
RoleRef: apiGroup kind! name!
RollingUpdateDaemonSet: maxSurge=p maxUnavailable=p
RollingUpdateDeployment: maxSurge=p maxUnavailable=p
SELinuxOptions: level role type user
Scale: apiVersion kind metadata=ObjectMeta spec=ScaleSpec status=ScaleStatus
ScaleIOVolumeSource: fsType gateway! protectionDomain readOnly=b secretRef!=LocalObjectReference sslEnabled=b storageMode storagePool system! volumeName
ScaleSpec: replicas=i
ScaleStatus: replicas!=i selector
SeccompProfile: localhostProfile type!
Secret: apiVersion data={y} immutable=b kind metadata=ObjectMeta stringData={s} type
SecretEnvSource: name optional=b
SecretKeySelector: key! name optional=b
SecretProjection: items=[KeyToPath] name optional=b
SecretVolumeSource: defaultMode=i items=[KeyToPath] optional=b secretName
SecurityContext: allowPrivilegeEscalation=b appArmorProfile=AppArmorProfile capabilities=Capabilities privileged=b procMount readOnlyRootFilesystem=b runAsGroup=l runAsNonRoot=b runAsUser=l seLinuxOptions=SELinuxOptions seccompProfile=SeccompProfile windowsOptions=WindowsSecurityContextOptions
SelectableField: jsonPath!
SelfSubjectAccessReview: apiVersion kind metadata=ObjectMeta spec!=SelfSubjectAccessReviewSpec status=SubjectAccessReviewStatus
SelfSubjectAccessReviewSpec: nonResourceAttributes=NonResourceAttributes resourceAttributes=ResourceAttributes
SelfSubjectReview: apiVersion kind metadata=ObjectMeta status=SelfSubjectReviewStatus
SelfSubjectReviewStatus: userInfo=UserInfo
SelfSubjectRulesReview: apiVersion kind metadata=ObjectMeta spec!=SelfSubjectRulesReviewSpec status=SubjectRulesReviewStatus
SelfSubjectRulesReviewSpec: namespace
Service: apiVersion kind metadata=ObjectMeta spec=ServiceSpec status=ServiceStatus
ServiceAccount: apiVersion automountServiceAccountToken=b imagePullSecrets=[LocalObjectReference] kind metadata=ObjectMeta secrets=[ObjectReference]
ServiceAccountTokenProjection: audience expirationSeconds=l path!
ServicePort: appProtocol name nodePort=i port!=i protocol targetPort=p
ServiceSpec: allocateLoadBalancerNodePorts=b clusterIP clusterIPs=[s] externalIPs=[s] externalName externalTrafficPolicy healthCheckNodePort=i internalTrafficPolicy ipFamilies=[s] ipFamilyPolicy loadBalancerClass loadBalancerIP loadBalancerSourceRanges=[s] ports=[ServicePort] publishNotReadyAddresses=b selector={s} sessionAffinity sessionAffinityConfig=SessionAffinityConfig trafficDistribution type
ServiceStatus: conditions=[Condition] loadBalancer=LoadBalancerStatus
SessionAffinityConfig: clientIP=ClientIPConfig
SleepAction: seconds!=l
StorageOSVolumeSource: fsType readOnly=b secretRef=LocalObjectReference volumeName volumeNamespace
SubjectAccessReview: apiVersion kind metadata=ObjectMeta spec!=SubjectAccessReviewSpec status=SubjectAccessReviewStatus
SubjectAccessReviewSpec: extra={[s]} groups=[s] nonResourceAttributes=NonResourceAttributes resourceAttributes=ResourceAttributes uid user
SubjectAccessReviewStatus: allowed!=b denied=b evaluationError reason
SubjectRulesReviewStatus: evaluationError incomplete!=b nonResourceRules!=[NonResourceRule] resourceRules!=[ResourceRule]
Sysctl: name! value!
TCPSocketAction: host port!=p
Taint: effect! key! timeAdded=t value
Toleration: effect key operator tolerationSeconds=l value
TopologySpreadConstraint: labelSelector=LabelSelector matchLabelKeys=[s] maxSkew!=i minDomains=i nodeAffinityPolicy nodeTaintsPolicy topologyKey! whenUnsatisfiable!
TypedLocalObjectReference: apiGroup kind! name!
TypedObjectReference: apiGroup kind! name! namespace
UserInfo: extra={[s]} groups=[s] uid username
ValidationRule: fieldPath message messageExpression optionalOldSelf=b reason rule!
Volume: awsElasticBlockStore=AWSElasticBlockStoreVolumeSource azureDisk=AzureDiskVolumeSource azureFile=AzureFileVolumeSource cephfs=CephFSVolumeSource cinder=CinderVolumeSource configMap=ConfigMapVolumeSource csi=CSIVolumeSource downwardAPI=DownwardAPIVolumeSource emptyDir=EmptyDirVolumeSource ephemeral=EphemeralVolumeSource fc=FCVolumeSource flexVolume=FlexVolumeSource flocker=FlockerVolumeSource gcePersistentDisk=GCEPersistentDiskVolumeSource gitRepo=GitRepoVolumeSource glusterfs=GlusterfsVolumeSource hostPath=HostPathVolumeSource image=ImageVolumeSource iscsi=ISCSIVolumeSource name! nfs=NFSVolumeSource persistentVolumeClaim=PersistentVolumeClaimVolumeSource photonPersistentDisk=PhotonPersistentDiskVolumeSource portworxVolume=PortworxVolumeSource projected=ProjectedVolumeSource quobyte=QuobyteVolumeSource rbd=RBDVolumeSource scaleIO=ScaleIOVolumeSource secret=SecretVolumeSource storageos=StorageOSVolumeSource vsphereVolume=VsphereVirtualDiskVolumeSource
VolumeDevice: devicePath! name!
VolumeMount: mountPath! mountPropagation name! readOnly=b recursiveReadOnly subPath subPathExpr
VolumeMountStatus: mountPath! name! readOnly=b recursiveReadOnly volumeStatus=VolumeStatus
VolumeProjection: clusterTrustBundle=ClusterTrustBundleProjection configMap=ConfigMapProjection downwardAPI=DownwardAPIProjection podCertificate=PodCertificateProjection secret=SecretProjection serviceAccountToken=ServiceAccountTokenProjection
VolumeResourceRequirements: limits={q} requests={q}
VolumeStatus: image=ImageVolumeStatus
VsphereVirtualDiskVolumeSource: fsType storagePolicyID storagePolicyName volumePath!
WebhookConversion: clientConfig=ApiextensionsV1WebhookClientConfig conversionReviewVersions!=[s]
WeightedPodAffinityTerm: podAffinityTerm!=PodAffinityTerm weight!=i
WindowsSecurityContextOptions: gmsaCredentialSpec gmsaCredentialSpecName hostProcess=b runAsUserName
`;
