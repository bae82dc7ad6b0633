using System.ComponentModel.DataAnnotations;

namespace Ocellus.Hosting;

/// <summary>How running models use this machine. Section <c>Ocellus:Hosting</c>; a wrong value stops the server at start and names the setting.</summary>
internal sealed class HostingOptions
{
    /// <summary>
    /// Requests that may wait for one inference unit, decoding included; the next is refused at once. Default 32: a quarter of a second
    /// of one core's work for a 224 px classifier, so a request that is taken is answered long before its deadline.
    /// </summary>
    [Range(1, 10_000)]
    public int QueuePerUnit { get; set; } = 32;

    /// <summary>
    /// Most waiting images that go through the network in one pass. Default 1: on a core's one thread four together take as long as four after each
    /// other, and the first would wait for the last. Processors with wider units, or a network of another size, may gain.
    /// </summary>
    [Range(1, 64)]
    public int BatchMax { get; set; } = 1;

    /// <summary>
    /// Longest time inside a model, from the arrival to the answer; then the request is refused instead of being answered late.
    /// Default 10 s: clients give up reading after 60 s, and a refusal leaves them time for their usual three attempts.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:55")]
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Longest wait for requests in flight when a model stops. Default 30 s: a client's usual read timeout is 60 s, so a stop never outlasts it.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A model with room under MaxInferenceUnits gets another unit when at least one request a unit has waited all this time. Default 2 s: longer than one
    /// burst.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "01:00:00")]
    public TimeSpan GrowAfter { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A model above MinInferenceUnits gives one unit back when it could have done without all this time. Default 60 s: pauses between bursts do not shrink it.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "1.00:00:00")]
    public TimeSpan ShrinkAfter { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A running version that nobody asks for this many minutes stops; 0 is never, and the default: AWS has nothing like it, so nobody expects it. A version's
    /// tag ocellus:idle-stop-minutes comes first.
    /// </summary>
    [Range(0.0, 43_200.0)]
    public double IdleStopMinutes { get; set; }

    /// <summary>A stopped version starts when it is asked. Off by default, as in AWS. A version's tag ocellus:wake-on-detect comes first.</summary>
    public bool WakeOnDetect { get; set; }

    /// <summary>
    /// Longest wait of a request for the version that it wakes; loading goes on after it. Default 20 s: a start takes far less, and clients wait 60 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:55")]
    public TimeSpan WakeTimeout { get; set; } = TimeSpan.FromSeconds(20);
}
