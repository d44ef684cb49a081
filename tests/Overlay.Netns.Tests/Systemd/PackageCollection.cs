namespace Overlay.Netns.Tests.Systemd;

/// <summary>The tests that share the packages.</summary>
[CollectionDefinition]
public sealed class PackageCollection : ICollectionFixture<PackageFixture>;
