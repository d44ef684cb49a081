namespace Overlay.Subnet.Model;

/// <summary>
/// The network config in etcd cannot be used. The message is one line that names the JSON key and the reason; text taken from the config is
/// escaped and shortened, so it is safe to log.
/// </summary>
public sealed class NetworkConfigException : Exception
{
    /// <summary>Creates the exception for one key.</summary>
    /// <param name="key">The JSON key at fault, such as <c>SubnetLen</c> or <c>Backend.VNI</c>; empty for the document as a whole.</param>
    /// <param name="reason">What is wrong with it, in words.</param>
    public NetworkConfigException(string key, string reason)
        : base(key.Length == 0 ? reason : $"{key}: {reason}")
    {
        Key = key;
    }

    /// <summary>The JSON key at fault; empty for the document as a whole.</summary>
    public string Key { get; }
}
