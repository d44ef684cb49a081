using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>The certificate files as they were when a client was made from them.</summary>
internal sealed class TlsFiles
{
    private readonly EtcdOptions _options;
    private readonly SslStreamCertificateContext? _client;
    private readonly X509Certificate2Collection? _authorities;
    private readonly string _stamp;

    private TlsFiles(EtcdOptions options, SslStreamCertificateContext? client, X509Certificate2Collection? authorities, string stamp)
    {
        _options = options;
        _client = client;
        _authorities = authorities;
        _stamp = stamp;
    }

    /// <exception cref="StoreException">A file cannot be read or holds no usable certificate or key; the message names the flag.</exception>
    public static TlsFiles Load(EtcdOptions options)
    {
        string stamp = Stamp(options); // taken first: a change while reading is then seen later
        string flag = "etcd-certfile";
        try
        {
            SslStreamCertificateContext? client = null;
            if (options.CertFile.Length > 0)
            {
                var chain = new X509Certificate2Collection();
                chain.ImportFromPemFile(options.CertFile);
                X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(options.CertFile, options.KeyFile);
                client = SslStreamCertificateContext.Create(leaf, chain, offline: true);
            }
            flag = "etcd-cafile";
            X509Certificate2Collection? authorities = null;
            if (options.CaFile.Length > 0)
            {
                authorities = [];
                authorities.ImportFromPemFile(options.CaFile);
                if (authorities.Count == 0)
                    throw new CryptographicException("no certificate in the file");
            }
            return new TlsFiles(options, client, authorities, stamp);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Key material never gets into these messages.
            throw new StoreException(StoreFault.Tls, $"{flag}: not usable: {LogText.Escape(e.Message)}", e);
        }
    }

    public void Configure(SslClientAuthenticationOptions ssl)
    {
        ssl.ClientCertificateContext = _client;
        if (_authorities is not null)
        {
            ssl.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            ssl.CertificateChainPolicy.CustomTrustStore.AddRange(_authorities);
        }
    }

    /// <summary>The mode of the key's file, in octal, where others than its owner and group may read it, or others than its owner replace it; null where all is well.</summary>
    public static string? OthersOfKey(EtcdOptions options)
    {
        const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite;
        if (!options.UsesTls || options.KeyFile.Length == 0)
            return null;
        UnixFileMode mode = File.GetUnixFileMode(options.KeyFile);
        return (mode & Others) == 0 ? null : Convert.ToString((int)mode, 8).PadLeft(4, '0');
    }

    public bool HaveChanged() => Stamp(_options) != _stamp;

    private static string Stamp(EtcdOptions options) => string.Join('|', new[] { options.CertFile, options.KeyFile, options.CaFile }.Select(path =>
    {
        var file = new FileInfo(path.Length == 0 ? "/" : path);
        return file.Exists ? $"{file.LastWriteTimeUtc.Ticks}.{file.Length}" : "";
    }));
}
