using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Limits requests of each account, region and operation by a token bucket that holds one second's worth.</summary>
[Assumed(
    "Request rates",
    "Not limited, unless `Ocellus:Throttling:Enabled` is set. Then AWS's rates apply, and a request beyond them is `ThrottlingException` with status 500, "
    + "before its members are checked.")]
internal sealed class RequestThrottle(IOptions<ThrottlingOptions> options) : IDisposable
{
    /// <summary>Replenishments per second, so that a steady sender just below the rate is not refused.</summary>
    private const int RefillsPerSecond = 10;

    private readonly PartitionedRateLimiter<Bucket> _buckets = PartitionedRateLimiter.Create<Bucket, Bucket>(bucket =>
        RateLimitPartition.GetTokenBucketLimiter(bucket, _ =>
        {
            var share = Math.Max(1, bucket.PerSecond / RefillsPerSecond);
            return new TokenBucketRateLimiterOptions
            {
                TokenLimit = bucket.PerSecond,
                TokensPerPeriod = share,
                ReplenishmentPeriod = TimeSpan.FromSeconds((double)share / bucket.PerSecond),
                QueueLimit = 0,
            };
        }));

    private readonly record struct Bucket(string Account, string Region, string Operation, int PerSecond);

    /// <summary>Takes a token.</summary>
    /// <exception cref="RefusedException">Throttled: none is left. Nothing of the request has been checked yet.</exception>
    public void Require(Caller caller, IOperation operation)
    {
        if (!options.Value.Enabled)
        {
            return;
        }

        var perSecond = operation.PerSecond(options.Value);
        using var lease = _buckets.AttemptAcquire(new(caller.AccountId, caller.Region, operation.Name, perSecond));
        if (!lease.IsAcquired)
        {
            throw new RefusedException(
                RefusalKind.Throttled,
                $"Rate exceeded: {operation.Name} takes {perSecond} requests a second from one account and region (settings Ocellus:Throttling); try "
                    + $"again later.");
        }
    }

    public void Dispose() => _buckets.Dispose();
}
