// MartletClient
