using Overlay.Subnet.Model;

namespace Overlay.Subnet.Store;

/// <summary>
/// The keys of flannel's data model, relative to the etcd prefix. A path that ends in a slash stands for every key below it; the slash
/// keeps siblings such as <c>subnets-old/</c> out.
/// </summary>
public static class StorePaths
{
    /// <summary>The network config.</summary>
    public const string Config = "config";

    /// <summary>All leases.</summary>
    public const string Subnets = "subnets/";

    /// <summary>The path of one lease.</summary>
    public static string Subnet(SubnetKey key) => Subnets + key.Name;

    /// <summary>The name of a lease's key without <see cref="Subnets"/> in front.</summary>
    public static string SubnetName(string path) => path.StartsWith(Subnets, StringComparison.Ordinal) ? path[Subnets.Length..] : path;

    /// <summary>Tells whether <paramref name="path"/> stands for all keys below it.</summary>
    public static bool IsPrefix(string path) => path.EndsWith('/');
}
