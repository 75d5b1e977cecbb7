"""The controller: NativePodNetwork objects to VNICs and addresses of the cloud."""
