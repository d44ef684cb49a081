namespace Overlay.Subnet.Keeping;

/// <summary>What may be due for a lease.</summary>
internal enum LeaseDuty
{
    /// <summary>Renew its etcd lease.</summary>
    Renew,

    /// <summary>Write its key again.</summary>
    Repair,
}
