using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Counts requests for each account, region and operation in a token bucket that holds one second's worth, and refuses what goes beyond.</summary>
[Assumed(
    "Request rates",
    "Not limited, unless `Ocellus:Throttling:Enabled` is set. Then AWS's rates hold, and a request beyond them is `ThrottlingException` with status 500, "
    + "before its members are checked.")]
internal sealed class RequestThrottle(IOptions<ThrottlingOptions> options) : IDisposable
{
    /// <summary>Parts of a second after which tokens come back, so that a steady sender just below the rate is not refused.</summary>
    private const int Shares = 10;

    private readonly PartitionedRateLimiter<Bucket> _buckets = PartitionedRateLimiter.Create<Bucket, Bucket>(bucket =>
        RateLimitPartition.GetTokenBucketLimiter(bucket, _ =>
        {
            var share = Math.Max(1, bucket.PerSecond / Shares);
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
    /// <exception cref="RefusedException">Throttled: there is none. Nothing of the request has been looked at yet.</exception>
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
                $"Rate exceeded: {operation.Name} takes {perSecond} requests a second of one account and region (settings Ocellus:Throttling); try "
                    + $"again later.");
        }
    }

    public void Dispose() => _buckets.Dispose();
}
