"""Readers of the official SDKs: each returns an `SdkModel`."""
